import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import type { RedisStoreContext } from "./context.ts";
import { toList, toText } from "./reply.ts";

/** An entry of a log. */
export interface KeptEntry {
  readonly seq: number;
  /** The log's stamp of it. */
  readonly stamp: string;
  readonly from: string;
  /** What comes after the stamp: `"seq":` and so on. */
  readonly rest: string;
}

/** Where a log stands, with some of its entries in their order. */
export interface LogView {
  readonly top: number;
  readonly stamp: string;
  readonly entries: readonly KeptEntry[];
}

/** Keys: conversation, log. Arguments: from and to, as XRANGE takes them, how many; `newest` for those before the end. */
const VIEW_SCRIPT: RedisScript = defineScript(`
local conv = redis.call('HMGET', KEYS[1], 'top', 'stamp')
local entries
if ARGV[4] == 'newest' then
  entries = redis.call('XREVRANGE', KEYS[2], ARGV[2], ARGV[1], 'COUNT', ARGV[3])
else
  entries = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
end
local values = {}
for i, entry in ipairs(entries) do values[i] = entry[2][2] end
return { conv[1] or '0', conv[2] or '0', values }
`);

/** Which entries of a log to look at: from `seq` on, or the newest. */
export type LogRange =
  | { readonly from: number; readonly to: number; readonly count: number }
  | { readonly newest: number };

/** Looks at a log and its head at one moment. */
export async function viewLog(
  { reads, keys, deadlineMs }: RedisStoreContext,
  conversation: string,
  range: LogRange,
): Promise<LogView> {
  const args =
    "newest" in range
      ? ["-", "+", `${range.newest}`, "newest"]
      : [`${range.from}-0`, `${range.to}-0`, `${range.count}`, "oldest"];
  const reply = await reads.script(VIEW_SCRIPT, [keys.conv(conversation), keys.log(conversation)], args, {
    deadlineMs,
  });
  const [top, stamp, values] = toList(reply);
  const entries = toList(values).map((value) => parseEntry(toText(value)));
  if ("newest" in range) entries.reverse();
  return { top: Number(top), stamp: toText(stamp), entries };
}

// Only our own JSON is taken apart: within its strings a quote has a backslash before it.
const ENTRY = /^"stamp":(\d+),("seq":(\d+),.*)$/s;
const FROM = /,"from":"([^"]*)"/;

function parseEntry(value: string): KeptEntry {
  const [, stamp = "0", rest = "", seq = "0"] = ENTRY.exec(value) ?? [];
  return { seq: Number(seq), stamp, rest, from: FROM.exec(rest)?.[1] ?? "" };
}
