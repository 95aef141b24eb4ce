import { createHash } from "node:crypto";
import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import { type Outgoing, type SendResult, StoreError } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { messageTail, randomEpoch, randomStamp } from "../line.ts";
import type { Keys } from "./keys.ts";

/** After how many sends of a device those too many or too old are removed: that reads all it has. */
const TRIM_EVERY = 256;
/** How much longer than its sends are remembered Redis keeps a silent device, in milliseconds: clocks differ. */
const DEDUPE_SLACK_MS = 600_000;

/**
 * Appends messages to their logs and delivers them to the members' inboxes, in order.
 *
 * - A script is not rolled back. So everything of a message is decided before its first write, what makes a repeat harmless is
 *   written right after the log, and a message that fails (`e`) leaves the others alone. What a log has and an inbox lacks, the
 *   next message of the conversation brings.
 * - A mark at or beyond a number that the log gives out only now means that the log was rolled back: the inbox begins a new epoch.
 * - Stamps pass as text: Lua would round them. Numbers are written with %.0f, since Lua's own way is 1e+14 from there on.
 * - Hints are published last.
 *
 * Keys: for each message its log and its sender's dedupe, then each member's mark and inbox.
 * Arguments: kept messages, kept entries, dedupe time and number, time to live, an epoch; then for each message its conversation,
 * id, hash, time, stamp, tail, number of members, and each member's channel.
 */
export const SEND_SCRIPT: RedisScript = defineScript(`
local call, match = redis.call, string.match
local maxLog, maxInbox = ARGV[1], tonumber(ARGV[2])
local dedupeMs, dedupeIds, dedupeTtl = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local newEpoch = ARGV[6]
local results, channels, lines = {}, {}, {}

local function text(number)
  return string.format('%.0f', number)
end

local function add(member, kind, seq, stamp, tail)
  member.top = member.top + 1
  local inbox = text(member.top)
  if kind == 'gap' then
    call('XADD', member.inbox, 'MAXLEN', maxInbox, inbox .. '-0', 's', stamp, 'q', seq, 'b', tail, 'g', '1')
  else
    call('XADD', member.inbox, 'MAXLEN', maxInbox, inbox .. '-0', 's', stamp, 'q', seq, 'b', tail)
  end
  channels[#channels + 1] = member.channel
  lines[#lines + 1] = '{"type":"' .. kind .. '","inbox":' .. inbox .. ',"stamp":' .. stamp .. ',"seq":' .. seq .. ',' .. tail .. '\\n'
end

local function bring(member, message, seq)
  local first, last = member.marked + 1, seq - 1
  local entries = call('XRANGE', message.log, text(first) .. '-0', text(last) .. '-0')
  local kept = entries[1] and tonumber(match(entries[1][1], '^%d+')) or seq
  if kept > first then
    local tail = '"conversation":"' .. message.conversation .. '","missing":' .. text(kept - first) .. '}'
    add(member, 'gap', text(kept - 1), message.stamp, tail)
  end
  for _, entry in ipairs(entries) do
    add(member, 'message', match(entry[1], '^%d+'), message.stamp, entry[2][4])
  end
end

local function deliver(member, message, seq)
  if member.marked >= seq then
    call('HSET', member.mark, 'epoch', newEpoch)
  elseif member.marked < seq - 1 then
    bring(member, message, seq)
  end
  add(member, 'message', text(seq), message.stamp, message.tail)
  local floor = member.top - maxInbox
  local mark = text(seq) .. ' ' .. message.stamp
  if floor > member.floor then
    call('HSET', member.mark, 'top', text(member.top), 'm:' .. message.conversation, mark, 'floor', text(floor))
  else
    call('HSET', member.mark, 'top', text(member.top), 'm:' .. message.conversation, mark)
  end
end

local function trim(dedupe, number, at)
  local fields = call('HGETALL', dedupe)
  for i = 1, #fields, 2 do
    local sentAt, sentNumber = match(fields[i + 1], '^%d+ (%d+) (%d+)')
    if sentAt and (tonumber(sentNumber) <= number - dedupeIds or at - tonumber(sentAt) >= dedupeMs) then
      call('HDEL', dedupe, fields[i])
    end
  end
end

local function remember(message, seq, number)
  local value = text(seq) .. ' ' .. message.at .. ' ' .. text(number) .. ' ' .. message.hash
  call('HSET', message.dedupe, message.id, value, 'n', text(number))
  call('PEXPIRE', message.dedupe, dedupeTtl)
  if number % ${TRIM_EVERY} == 0 then trim(message.dedupe, number, tonumber(message.at)) end
end

local function send(message)
  for _, member in ipairs(message.members) do
    local state = call('HMGET', member.mark, 'epoch', 'top', 'floor', 'm:' .. message.conversation)
    if not state[1] then return 'u' end
    member.top, member.floor = tonumber(state[2]), tonumber(state[3] or '0')
    member.marked = state[4] and tonumber(match(state[4], '^%d+')) or 0
  end
  local known = call('HMGET', message.dedupe, message.id, 'n')
  local number = tonumber(known[2] or '0')
  if known[1] then
    local seq, at, sentNumber, hash = match(known[1], '^(%d+) (%d+) (%d+) (.*)$')
    if tonumber(message.at) - tonumber(at) < dedupeMs and tonumber(sentNumber) > number - dedupeIds then
      return hash == message.hash and 'd ' .. seq .. ' ' .. at or 'r'
    end
  end
  local newest = call('XREVRANGE', message.log, '+', '-', 'COUNT', 1)[1]
  local seq = 1 + (newest and tonumber(match(newest[1], '^%d+')) or 0)
  call('XADD', message.log, 'MAXLEN', maxLog, text(seq) .. '-0', 's', message.stamp, 'b', message.tail)
  remember(message, seq, number + 1)
  for _, member in ipairs(message.members) do deliver(member, message, seq) end
  return 's ' .. text(seq) .. ' ' .. message.at
end

local key, argument = 1, 7
while argument <= #ARGV do
  local message = {
    log = KEYS[key], dedupe = KEYS[key + 1],
    conversation = ARGV[argument], id = ARGV[argument + 1], hash = ARGV[argument + 2], at = ARGV[argument + 3],
    stamp = ARGV[argument + 4], tail = ARGV[argument + 5], members = {},
  }
  local count = tonumber(ARGV[argument + 6])
  key, argument = key + 2, argument + 7
  for i = 1, count do
    message.members[i] = { mark = KEYS[key], inbox = KEYS[key + 1], channel = ARGV[argument] }
    key, argument = key + 2, argument + 1
  end
  local done, result = pcall(send, message)
  results[#results + 1] = done and result or 'e ' .. (type(result) == 'table' and result.err or tostring(result))
end
for i = 1, #lines do call('PUBLISH', channels[i], lines[i]) end
return results
`);

/** The keys and arguments of {@linkcode SEND_SCRIPT} for some messages. */
export function sendArguments(
  messages: readonly Outgoing[],
  limits: Required<StoreLimits>,
  keys: Keys,
): { readonly keys: readonly string[]; readonly args: readonly string[] } {
  const { logEntries, inboxEntries, dedupeMs, dedupeIds } = limits;
  const allKeys: string[] = [];
  const numbers = [logEntries, inboxEntries, dedupeMs, dedupeIds, dedupeMs + DEDUPE_SLACK_MS];
  const args = [...numbers.map(String), randomEpoch()];
  for (const message of messages) {
    const { conversation, from, device, id, to, text, at } = message;
    const members = from === to ? [from] : [from, to];
    const hash = createHash("sha256").update(text).digest("base64").slice(0, 22);
    allKeys.push(keys.log(conversation), keys.dedupe(from, device));
    args.push(conversation, `${conversation} ${id}`, hash, `${at}`, `${randomStamp()}`, messageTail(message));
    args.push(`${members.length}`);
    for (const member of members) {
      allKeys.push(keys.mark(member), keys.inbox(member));
      args.push(keys.channel(member));
    }
  }
  return { keys: allKeys, args };
}

/**
 * What {@linkcode SEND_SCRIPT} says of one message.
 *
 * @throws {StoreError} `unavailable` when that message failed.
 */
export function parseSendResult(result: unknown): SendResult {
  const [kind, ...rest] = String(result).split(" ");
  switch (kind) {
    case "s":
    case "d":
      return { outcome: "stored", seq: Number(rest[0]), at: Number(rest[1]), duplicate: kind === "d" };
    case "u":
      return { outcome: "unknown_user" };
    case "r":
      return { outcome: "id_reused" };
  }
  throw new StoreError("unavailable", `Cannot send: Redis answered ${rest.join(" ")}`);
}
