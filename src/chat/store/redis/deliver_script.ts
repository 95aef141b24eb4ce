import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import { INBOX_LUA, NOW_LUA, TEXT_LUA } from "./lua.ts";

/**
 * Brings inboxes up to a place in their conversations: the second of the steps. Harmless to repeat.
 *
 * A member goes on after their mark, or after where they joined if that is larger. What the mark and the log say of that place must agree,
 * by stamp; stamp 0 is not known and agrees with all.
 *
 * Keys: mark and inbox of each member of each job.
 * Arguments: kept entries and bytes, the command that publishes; then for each job its mark field, number and stamp of what is before its
 * entries, how many entries, and of each its number, that of its last message for a gap, its stamp in the log, sender, kind (`m`, `g`) and value; then how many
 * members, and of each the name, number and stamp of where they joined, and channel.
 * Gives for each member `o` when all is there now, `u` when there is no such inbox, `n SEQ STAMP` when the inbox is at a place before the
 * entries, `c SEQ STAMP` when it is at one that the entries do not know or contradict, `e` and why when it cannot be written.
 */
export const DELIVER_SCRIPT: RedisScript = defineScript(`
local maxInbox, inboxBytes, publish = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
${TEXT_LUA}${INBOX_LUA}
local function placeOf(state, member)
  local seq, stamp, read, delivered = 0, '0', '0', '0'
  if state then
    seq, stamp, read, delivered = match(state, '^(%d+) (%d+) (%d+) (%d+)')
    seq = tonumber(seq)
  end
  if member.joined <= seq then return seq, stamp, read, delivered end
  local joined = text(member.joined)
  return member.joined, member.joinedStamp, joined, joined
end

local function deliver(member, job)
  local state = call('HMGET', member.mark, 'epoch', 'top', 'stamp', job.field)
  if not state[1] then return 'u' end
  local seq, stamp, read, delivered = placeOf(state[4], member)
  local place = ' ' .. text(seq) .. ' ' .. stamp
  if seq < job.before then return 'n' .. place end
  local known = job.stamps[seq]
  if seq > job.last then return 'c' .. place end
  if not known then return 'n' .. place end
  if known ~= stamp and known ~= '0' and stamp ~= '0' then return 'c' .. place end
  local inbox, newest = open(state, member.mark, member.inbox, member.channel, job.field), nil
  for _, entry in ipairs(job.entries) do
    if entry.last > seq then
      add(inbox, entry.kind, match(entry.value, '^"stamp":(%d+)'), entry.value)
      newest = entry
      if entry.from == member.name then read = text(entry.last) end
    end
  end
  if not newest then return 'o' end
  local mark = text(newest.last) .. ' ' .. newest.stamp .. ' ' .. read .. ' ' .. delivered
  note(inbox, job.field, mark)
  flush(inbox)
  return 'o'
end

local results = {}
local key, argument = 1, 4
local function take()
  argument = argument + 1
  return ARGV[argument - 1]
end
while argument <= #ARGV do
  local job = { field = take(), before = tonumber(take()), stamps = {}, entries = {} }
  job.last, job.stamps[job.before] = job.before, take()
  for i = 1, tonumber(take()) do
    local entry = { last = tonumber(take()), stamp = take(), from = take(), kind = take(), value = take() }
    job.entries[i], job.last, job.stamps[entry.last] = entry, entry.last, entry.stamp
  end
  for _ = 1, tonumber(take()) do
    local member = { mark = KEYS[key], inbox = KEYS[key + 1] }
    member.name, member.joined, member.joinedStamp, member.channel = take(), tonumber(take()), take(), take()
    key = key + 2
    local isDone, result = pcall(deliver, member, job)
    results[#results + 1] = isDone and result or 'e ' .. (type(result) == 'table' and result.err or tostring(result))
  end
end
hint()
return results
`);

/**
 * Sets a mark back to where the inbox and a log that was rolled back still agree, and begins a new epoch. What they agree on is found by
 * what is in the entries: an inbox may have them under stamps of its own.
 *
 * Keys: mark, inbox. Arguments: the mark's field, what it must begin with, the new epoch, the conversation, the place to take where the
 * inbox tells nothing; then of each message of the log its number, stamp, and the SHA-1 of what comes after the stamp.
 * Gives `r SEQ STAMP`, the new place; `a` when the mark has changed meanwhile.
 */
export const ROLL_BACK_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}
local field, expected, epoch, conversation, seq = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local mark = call('HGET', KEYS[1], field)
if not mark or sub(mark, 1, #expected) ~= expected then return 'a' end
local stamps, digests = {}, {}
for i = 6, #ARGV, 3 do stamps[ARGV[i]], digests[ARGV[i]] = ARGV[i + 1], ARGV[i + 2] end

local function search()
  local stop, oldest = '+', nil
  for _ = 1, 16 do
    local entries = call('XREVRANGE', KEYS[2], stop, '-', 'COUNT', 64)
    for _, entry in ipairs(entries) do
      local rest, q, c = match(entry[2][2], '^"stamp":%d+,("seq":(%d+),"conversation":"([^"]*)".*)$')
      if c == conversation then
        if digests[q] and digests[q] == redis.sha1hex(rest) then return tonumber(q) end
        oldest = tonumber(q)
      end
    end
    if #entries < 64 then break end
    stop = '(' .. entries[#entries][1]
  end
  return oldest and math.min(oldest - 1, seq)
end

seq = search() or seq
local read, delivered = match(mark, '^%d+ %d+ (%d+) (%d+)')
local stamp = stamps[text(seq)] or '0'
local function atMost(number) return text(math.min(tonumber(number), seq)) end
call('HSET', KEYS[1], 'epoch', epoch, field, text(seq) .. ' ' .. stamp .. ' ' .. atMost(read) .. ' ' .. atMost(delivered))
return 'r ' .. text(seq) .. ' ' .. stamp
`);

/**
 * Strikes deliveries that are done, unless there are newer messages: then they count as begun now.
 *
 * Keys: for each its conversation, and owed, tries and aside of its partition. Arguments: for each the item and the number that was reached.
 */
export const STRIKE_DELIVERY_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${NOW_LUA}
for i = 1, #ARGV, 2 do
  local conv, owed, tries, aside = KEYS[2 * i - 1], KEYS[2 * i], KEYS[2 * i + 1], KEYS[2 * i + 2]
  if (call('HGET', conv, 'top') or '0') == ARGV[i + 1] then
    call('ZREM', owed, ARGV[i])
    call('SREM', aside, ARGV[i])
  else
    call('ZADD', owed, 'XX', now(), ARGV[i])
  end
  call('HDEL', tries, ARGV[i])
end
return #ARGV / 2
`);
