import { defineScript, type RedisKeyspace, type RedisScript } from "../../../redis/mod.ts";
import type { RedisStoreContext } from "./context.ts";
import { failedOver } from "./durability.ts";
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

/**
 * Looks at a log and its head at one moment, to bring inboxes what they miss. Where these are on other servers, as on a Cluster, it waits until what
 * it has seen is as durable as the store promises, whoever wrote it: an inbox would keep what its log has lost again.
 *
 * @throws {StoreError} `unavailable` when that takes too long.
 */
export async function viewLog(
  context: RedisStoreContext,
  conversation: string,
  range: LogRange,
): Promise<LogView> {
  const { isSplit, isConfirmed, reads, keyspace, keys, confirm } = context;
  const isElsewhere = isSplit && isConfirmed;
  if (!isElsewhere) return await ask(reads, context, conversation, range);
  const key = keys.conv(conversation);
  const server = keyspace.history(key);
  const view = await ask(keyspace, context, conversation, range);
  await confirm(key);
  if (keyspace.history(key) !== server) throw failedOver();
  return view;
}

async function ask(
  from: RedisKeyspace,
  { keys, deadlineMs }: RedisStoreContext,
  conversation: string,
  range: LogRange,
): Promise<LogView> {
  const args =
    "newest" in range
      ? ["-", "+", `${range.newest}`, "newest"]
      : [`${range.from}-0`, `${range.to}-0`, `${range.count}`, "oldest"];
  const names = [keys.conv(conversation), keys.log(conversation)];
  const [top, stamp, values] = toList(await from.script(VIEW_SCRIPT, names, args, { deadlineMs }));
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
