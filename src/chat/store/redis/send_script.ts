import { defineScript, partitionOf, type RedisScript } from "../../../redis/mod.ts";
import { type Outgoing, type OwnEntry, type SendResult, StoreError } from "../contract.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { StoreLimits } from "../limits.ts";
import { messageLine, messageTail, randomStamp } from "../line.ts";
import { type Keys, markField } from "./keys.ts";
import {
  INBOX_LUA,
  LOG_ARGUMENTS,
  LOG_LUA,
  logArguments,
  logArgumentsLua,
  NOW_LUA,
  TEXT_LUA,
} from "./lua.ts";
import { deliveryItem } from "./owed.ts";

/**
 * Appends direct messages to their logs and delivers them to both inboxes, in order: for a Redis in one piece.
 *
 * - A script is not rolled back. So everything of a message is decided before its first write, what makes a repeat harmless is
 *   written right after the log, and a message that fails (`e`) takes only later ones of its sender in the conversation with it. Where the log
 *   was written by then, its conversation becomes owed.
 * - Only the plain case is delivered: the inbox has all of the conversation before this message, by number and stamp. What else there is
 *   (an inbox that misses something or cannot be written, a log that was rolled back) becomes owed (`p`), for the steps that know it all.
 * - Hints are published last. Where the sender's own entry is comes with the answer, too: its number, the stamp before it and the epoch.
 *
 * Keys: for each message its log, conversation, dedupe and owed, then each member's mark and inbox, the sender's first.
 * Arguments: kept entries and bytes, those of the log, what marks and what channels begin with; then for each message its head, id and tail.
 * The head is which of the pair the sender is (1 or 2; 0 for a message to oneself), stamp, time, fingerprint and conversation in one: writing and
 * reading an argument more costs more than to take it apart.
 */
export const SEND_SCRIPT: RedisScript = defineScript(`
local maxInbox, inboxBytes, publish = tonumber(ARGV[1]), tonumber(ARGV[2]), 'PUBLISH'
${logArgumentsLua(2)}
${TEXT_LUA}${NOW_LUA}${INBOX_LUA}${LOG_LUA}
local markStart, channelStart = ARGV[${3 + LOG_ARGUMENTS}], ARGV[${4 + LOG_ARGUMENTS}]
local members = {}

local function memberOf(mark, inbox, field)
  local member = members[mark]
  if not member then
    local state = call('HMGET', mark, 'epoch', 'top', 'stamp', field)
    if not state[1] then return nil end
    member = open(state, mark, inbox, channelStart .. sub(mark, #markStart + 1), field)
    members[mark] = member
  elseif field ~= member.field then
    member.others = member.others or {}
    if member.others[field] == nil then member.others[field] = call('HGET', mark, field) end
  end
  return member
end

local function placeOf(member, field)
  if field == member.field then return member.place end
  return member.others[field]
end

local function deliver(message, member, previous, seq, value, isSender)
  local place, rest = placeOf(member, message.field), ' 0 0'
  if place then
    local length = #previous
    if sub(place, 1, length) ~= previous then return false end
    rest = sub(place, length)
  elseif previous ~= '0 0 ' then
    return false
  end
  add(member, 'm', message.stamp, value)
  if isSender then rest = ' ' .. seq .. match(rest, ' %d+$') end
  note(member, message.field, seq .. ' ' .. message.stamp .. rest)
  return true
end

local function owe(message)
  call('ZADD', message.owed, 'NX', nowText, '${deliveryItem("")}' .. message.conversation)
end

local function send(message, sender, receiver)
  if not sender or not receiver then return 'u' end
  local again = repeated(message)
  if again then return again end
  local conv = head(message.conv)
  if conv.blocks ~= '' and string.find(conv.blocks, message.side == '1' and '2' or '1', 1, true) then return 'b' end
  local previous = conv.topText .. ' ' .. conv.stamp .. ' '
  local seq, value = append(message, conv)
  local own, before = '', sender.stamp
  local isSent, isThere = pcall(deliver, message, sender, previous, seq, value, true)
  local isDone = isSent and isThere
  if isDone then own = ' ' .. sender.topText .. ' ' .. before .. ' ' .. sender.epoch end
  if receiver ~= sender then
    isSent, isThere = pcall(deliver, message, receiver, previous, seq, value, false)
    isDone = isDone and isSent and isThere
  end
  if not isDone then owe(message) end
  return (isDone and 's ' or 'p ') .. seq .. ' ' .. message.at .. own
end

local failed = {}
local function fail(message)
  failed[message.dedupe] = true
  local conv = heads[message.conv]
  if conv and conv.isChanged then pcall(owe, message) end
end

local function take(message, key)
  if failed[message.dedupe] then error('a message before it failed') end
  local sender = memberOf(KEYS[key], KEYS[key + 1], message.field)
  local receiver = sender
  if message.side ~= '0' then receiver = memberOf(KEYS[key + 2], KEYS[key + 3], message.field) end
  return send(message, sender, receiver)
end

local results = {}
local key = 1
local message = {}
for argument = ${5 + LOG_ARGUMENTS}, #ARGV, 3 do
  local side, stamp, at, fingerprint, conversation = match(ARGV[argument], '^(%d) (%d+) (%S+) (%S+) (.*)$')
  message.log, message.conv, message.dedupe, message.owed = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  message.side, message.stamp, message.at = side, stamp, at
  message.fingerprint, message.conversation = fingerprint, conversation
  message.id, message.tail, message.field = ARGV[argument + 1], ARGV[argument + 2], '${markField("")}' .. conversation
  local isDone, result = pcall(take, message, key + 4)
  if not isDone then fail(message) end
  results[#results + 1] = isDone and result or 'e ' .. (type(result) == 'table' and result.err or tostring(result))
  key = key + (side == '0' and 6 or 8)
end
flushHeads()
for _, member in pairs(members) do pcall(flush, member) end
hint()
return results
`);

/** The keys and arguments of a script. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** A call of {@linkcode SEND_SCRIPT}, with what {@linkcode ownEntry} wants of each message. */
export interface SendCall extends ScriptCall {
  readonly written: readonly { readonly stamp: number; readonly tail: string }[];
}

/** The keys and arguments of {@linkcode SEND_SCRIPT} for some messages. */
export function sendCall(messages: readonly Outgoing[], limits: Required<StoreLimits>, keys: Keys): SendCall {
  const allKeys: string[] = [];
  const written: SendCall["written"][number][] = [];
  const { mark, channel } = keys.starts;
  const args = [`${limits.inboxEntries}`, `${limits.inboxBytes}`, ...logArguments(limits), mark, channel];
  for (const message of messages) {
    const { conversation, from, to, id, text, at } = message;
    allKeys.push(...logKeys(message, keys), keys.mark(from), keys.inbox(from));
    if (from !== to) allKeys.push(keys.mark(to), keys.inbox(to));
    const stamp = randomStamp();
    const tail = messageTail(message);
    const head = `${sideOf(message)} ${stamp} ${at} ${fingerprintOf(text)} ${conversation}`;
    args.push(head, `${conversation} ${id}`, tail);
    written.push({ stamp, tail });
  }
  return { keys: allKeys, args, written };
}

/**
 * The entry in the sender's inbox.
 *
 * @param rest What {@linkcode SEND_SCRIPT} says of it. Undefined is returned where that is nothing.
 */
export function ownEntry(
  seq: number,
  { stamp, tail }: SendCall["written"][number],
  rest: readonly string[],
): OwnEntry | undefined {
  const [inbox, before, epoch] = rest;
  if (epoch === undefined) return undefined;
  const line = messageLine(Number(inbox), stamp, seq, tail);
  return { inbox: Number(inbox), stamp, line, before: Number(before), epoch };
}

/** Log, conversation, dedupe and owed. */
export function logKeys({ conversation, from, device }: Outgoing, keys: Keys): readonly string[] {
  return [
    keys.log(conversation),
    keys.conv(conversation),
    keys.dedupe(conversation, from, device),
    keys.owed(partitionOf(conversation)),
  ];
}

/** Id, fingerprint, time, stamp and tail. */
export function logFields(message: Outgoing): readonly string[] {
  const { conversation, id, text, at } = message;
  return [
    `${conversation} ${id}`,
    `${fingerprintOf(text)}`,
    `${at}`,
    `${randomStamp()}`,
    messageTail(message),
  ];
}

/** Which of the two of a pair sends: 1 or 2; 0 for a message to oneself. */
export function sideOf({ from, to }: Outgoing): string {
  if (from === to) return "0";
  return from < to ? "1" : "2";
}

/** What a script says of one message. */
export interface Sent {
  readonly result: SendResult;
  /** Whether inboxes are still owed. */
  readonly isOwed: boolean;
  /** What came after what every answer has. */
  readonly rest: readonly string[];
}

/**
 * Reads what {@linkcode SEND_SCRIPT}, or that for the steps, says of one message.
 *
 * @returns A {@linkcode StoreError} `unavailable` when that message failed.
 */
export function parseSent(reply: unknown): Sent | StoreError {
  const [kind, ...rest] = String(reply).split(" ");
  const refused = (outcome: Exclude<SendResult["outcome"], "stored">): Sent => ({
    result: { outcome },
    isOwed: false,
    rest: [],
  });
  switch (kind) {
    case "s":
    case "p":
    case "d": {
      const [seq, at, ...more] = rest;
      const result = {
        outcome: "stored" as const,
        seq: Number(seq),
        at: Number(at),
        duplicate: kind === "d",
      };
      return { result, isOwed: kind === "p", rest: more };
    }
    case "u":
      return refused("unknown_user");
    case "g":
      return refused("unknown_group");
    case "n":
      return refused("not_member");
    case "b":
      return refused("blocked");
    case "r":
      return refused("id_reused");
  }
  return new StoreError("unavailable", `Cannot send: Redis answered ${rest.join(" ")}`);
}
