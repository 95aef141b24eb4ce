import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import {
  type ConversationEntry,
  MAX_RECEIPT_MEMBERS,
  MAX_UNREAD,
  type ReadResult,
  type Receipt,
  type Unread,
} from "../contract.ts";
import type { Page } from "../group.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import { READ_GROUP_SCRIPT } from "./group_scripts.ts";
import { markField } from "./keys.ts";
import { TEXT_LUA } from "./lua.ts";
import { toList, toText, toTexts } from "./reply.ts";

/**
 * Notes how far a user has read.
 *
 * Keys: mark. Arguments: field, number. Gives how far that is, and 1 when it is further than before.
 */
const READ_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}
local mark = call('HGET', KEYS[1], ARGV[1])
if not mark then return { 0, 0 } end
local seq, stamp, read, delivered = match(mark, '^(%d+) (%d+) (%d+) (%d+)')
local reached = math.min(tonumber(ARGV[2]), tonumber(seq))
if reached <= tonumber(read) then return { tonumber(read), 0 } end
call('HSET', KEYS[1], ARGV[1], seq .. ' ' .. stamp .. ' ' .. text(reached) .. ' ' .. delivered)
return { reached, 1 }
`);

/** What a user has not read. Keys: mark. Arguments: how many at most. Gives conversations with their counts. */
const UNREAD_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}
local fields, found = call('HGETALL', KEYS[1]), {}
for i = 1, #fields, 2 do
  if sub(fields[i], 1, 2) == 'm:' then
    local seq, read = match(fields[i + 1], '^(%d+) %d+ (%d+)')
    if seq ~= read and #found < 2 * tonumber(ARGV[1]) then
      found[#found + 1] = sub(fields[i], 3)
      found[#found + 1] = text(tonumber(seq) - tonumber(read))
    end
  end
end
return found
`);

/**
 * The conversations that a user is in, in the order of their names. Who has left a group has a mark of it, and no line that says `member`.
 *
 * Keys: mark, groups. Arguments: the name after which they come, how many at most. Gives of each its name, number and what is read.
 */
const CONVERSATIONS_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}
local fields, names, marks, found = call('HGETALL', KEYS[1]), {}, {}, {}
for i = 1, #fields, 2 do
  local name = match(fields[i], '^m:(.+)$')
  if name and name > ARGV[1] then names[#names + 1], marks[name] = name, fields[i + 1] end
end
table.sort(names)
local function isIn(name, seq)
  if sub(name, 1, 1) ~= '#' then return seq ~= '0' end
  return sub(call('HGET', KEYS[2], name) or '', 1, 7) == 'member '
end
for _, name in ipairs(names) do
  if #found >= 3 * tonumber(ARGV[2]) then break end
  local seq, read = match(marks[name], '^(%d+) %d+ (%d+)')
  if isIn(name, seq) then
    local size = #found
    found[size + 1], found[size + 2], found[size + 3] = name, seq, read
  end
end
return found
`);

/** How far one member has got and read a conversation: nothing where they have not got any of it. */
export async function readReceipt(
  { reads, keys, deadlineMs }: RedisStoreContext,
  conversation: string,
  name: string,
): Promise<Receipt> {
  const key = keys.mark(name);
  const mark = toText(await reads.command(key, ["HGET", key, markField(conversation)], { deadlineMs }));
  const [, , read = 0, delivered = 0] = mark.split(" ").map(Number);
  return { name, delivered, read };
}

/** What users have got and read. */
export class Receipts {
  readonly #context: RedisStoreContext;

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  async markRead(user: string, conversation: string, seq: number): Promise<ReadResult> {
    try {
      const members = await this.#members(user, conversation);
      if (typeof members === "string") return { outcome: members };
      const { keyspace, keys, deadlineMs, confirm } = this.#context;
      const key = keys.mark(user);
      const args = [markField(conversation), `${seq}`];
      const [reached, isFurther] = toList(await keyspace.script(READ_SCRIPT, [key], args, { deadlineMs }));
      // Also where it was noted already: whoever did may still wait for that.
      await confirm(key);
      const told = members.length <= MAX_RECEIPT_MEMBERS ? members : [user];
      return { outcome: "done", read: Number(reached), told: isFurther === 1 ? told : [] };
    } catch (cause) {
      throw toStoreError(cause, "note what was read");
    }
  }

  async receipts(conversation: string): Promise<readonly Receipt[]> {
    try {
      const names = namesOf(conversation);
      return await Promise.all(names.map((name) => readReceipt(this.#context, conversation, name)));
    } catch (cause) {
      throw toStoreError(cause, "read receipts");
    }
  }

  async unread(user: string): Promise<readonly Unread[]> {
    try {
      const { reads, keys, deadlineMs } = this.#context;
      const reply = await reads.script(UNREAD_SCRIPT, [keys.mark(user)], [`${MAX_UNREAD}`], { deadlineMs });
      const texts = toTexts(reply);
      return Array.from({ length: texts.length / 2 }, (_, index) => ({
        conversation: texts[2 * index] ?? "",
        count: Number(texts[2 * index + 1]),
      }));
    } catch (cause) {
      throw toStoreError(cause, "read what is unread");
    }
  }

  async conversations(user: string, after: string, limit: number): Promise<Page<ConversationEntry>> {
    try {
      const { reads, keys, deadlineMs } = this.#context;
      const names = [keys.mark(user), keys.groups(user)];
      const args = [after, `${limit + 1}`];
      const texts = toTexts(await reads.script(CONVERSATIONS_SCRIPT, names, args, { deadlineMs }));
      const entries = Array.from({ length: texts.length / 3 }, (_, index) => ({
        conversation: texts[3 * index] ?? "",
        seq: Number(texts[3 * index + 1]),
        read: Number(texts[3 * index + 2]),
      }));
      return { entries: entries.slice(0, limit), more: entries.length > limit };
    } catch (cause) {
      throw toStoreError(cause, "read conversations");
    }
  }

  /** Who is in a conversation, as the user sees it, or why the user is not. */
  async #members(
    user: string,
    conversation: string,
  ): Promise<readonly string[] | "unknown_group" | "not_member"> {
    if (!conversation.startsWith("#")) {
      const names = namesOf(conversation);
      return names.includes(user) ? names : "not_member";
    }
    const { reads, keys, deadlineMs } = this.#context;
    const names = [keys.conv(conversation), keys.members(conversation)];
    const reply = toList(await reads.script(READ_GROUP_SCRIPT, names, [user, "HKEYS"], { deadlineMs }));
    if (reply[0] === "known") return toTexts(reply[2]);
    return reply[0] === "unknown_group" ? "unknown_group" : "not_member";
  }
}

function namesOf(pair: string): readonly string[] {
  return [...new Set(pair.split(":"))];
}
