import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import { NOW_LUA, TEXT_LUA } from "./lua.ts";

/** Makes a user with an inbox. Keys: user, mark. Arguments: password, epoch, history. Gives 1, or 0 when the name is taken. */
export const CREATE_USER_SCRIPT: RedisScript = defineScript(`
if redis.call('HSETNX', KEYS[1], 'password', ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'epoch', ARGV[2], 'top', '0', 'stamp', '0', 'history', ARGV[3])
return 1
`);

/**
 * `endDevices(mark, devices, except)`: gives every device but `except` a newer generation, in the order of those they had. A device that is
 * forgotten may have sessions: the mark's `ended` is newer than any of theirs.
 */
const END_LUA = `
${TEXT_LUA}${NOW_LUA}
local function endDevices(mark, devices, except)
  local last = call('HMGET', mark, 'epoch', 'generation')
  if not last[1] then return end
  local known, all = {}, call('HGETALL', devices)
  for i = 1, #all, 2 do
    local acked, generation, used = match(all[i + 1], '^(%d+) (%d+) (%d+)')
    known[#known + 1] = { name = all[i], acked = acked, generation = tonumber(generation), used = used }
  end
  table.sort(known, function(one, other) return one.generation < other.generation end)
  local generation = math.max(tonumber(last[2] or '0'), tonumber(now())) + 1
  for _, device in ipairs(known) do
    if device.name ~= except then
      call('HSET', devices, device.name, device.acked .. ' ' .. text(generation) .. ' ' .. device.used)
      generation = generation + 1
    end
  end
  call('HSET', mark, 'generation', text(generation), 'ended', text(generation))
end
`;

/**
 * Changes a password that is still the one that was read, makes the tokens added before worth nothing and ends the sessions of every other
 * device. Keys: user, mark, devices. Arguments: from, to, the device that keeps its own, or nothing. Gives 1, or 0 when it is another.
 */
export const CHANGE_PASSWORD_SCRIPT: RedisScript = defineScript(`
${END_LUA}
if call('HGET', KEYS[1], 'password') ~= ARGV[1] then return 0 end
call('HSET', KEYS[1], 'password', ARGV[2])
call('HINCRBY', KEYS[1], 'removals', 1)
endDevices(KEYS[2], KEYS[3], ARGV[3])
return 1
`);

/** Counts one more removal, after which the tokens added before are worth nothing. Keys: user. */
export const REMOVE_TOKENS_SCRIPT: RedisScript = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'removals', 1) end
return 1
`);

/** Ends the sessions of every device. Keys: mark, devices. Arguments: the device that keeps its own, or nothing. */
export const END_DEVICES_SCRIPT: RedisScript = defineScript(`
${END_LUA}
endDevices(KEYS[1], KEYS[2], ARGV[1])
return 1
`);

/**
 * Notes a try to log in by the time at which it was; a server whose clock is ahead of Redis's forgets none of the others' tries: that
 * counts then. Keys: failures. Arguments: the time, a name for it, for how long it counts in milliseconds, how many to keep. Gives how
 * many there were before it.
 */
export const NOTE_TRY_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${NOW_LUA}
local at = math.min(tonumber(ARGV[1]), tonumber(now()))
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(at - tonumber(ARGV[3])))
local before = call('ZCARD', KEYS[1])
call('ZADD', KEYS[1], text(at), ARGV[2])
call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[4]))
call('PEXPIRE', KEYS[1], ARGV[3])
return before
`);

/**
 * Notes a login of a device, unless the inbox is to be repaired first. Keys: mark, devices. Arguments: device, now, how many devices to
 * remember, the present history, or nothing, the generation that the session has already, or nothing. A new generation is at least the time:
 * newer than those that a rollback took. Who is too much is forgotten, but never the device itself: `now` is of a server whose clock may be
 * behind. One that is ahead of Redis's makes no other device unused: that counts then.
 *
 * Gives epoch, top, stamp, floor, generation, acknowledged, 1 when the device's generation was smaller or none before; nothing where there is no inbox; 0 when it is to be repaired.
 */
export const OPEN_DEVICE_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${NOW_LUA}
local state = call('HMGET', KEYS[1], 'epoch', 'top', 'stamp', 'floor', 'acked', 'history', 'used', 'generation')
if not state[1] then return {} end
if ARGV[4] ~= '' and state[6] ~= ARGV[4] then return 0 end
local known = call('HGET', KEYS[2], ARGV[1])
local last = tonumber(state[8] or '0')
local before = known and tonumber(match(known, '^%d+ (%d+)')) or -1
local present = tonumber(now())
local generation = ARGV[5] ~= '' and math.max(tonumber(ARGV[5]), before) or math.max(last + 1, present)
local used = math.min(tonumber(ARGV[2]), present)
local isRaised = generation > before and 1 or 0
call('HSET', KEYS[1], 'generation', text(math.max(last, generation)))
generation = text(generation)
local acked = known and match(known, '^%d+') or state[5] or '0'
call('HSET', KEYS[2], ARGV[1], acked .. ' ' .. generation .. ' ' .. text(used))
if used > tonumber(state[7] or '0') then call('HSET', KEYS[1], 'used', text(used)) end
if not known and call('HLEN', KEYS[2]) > tonumber(ARGV[3]) then
  local others, all = {}, call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do
    local generation, used = match(all[i + 1], '^%d+ (%d+) (%d+)')
    if all[i] ~= ARGV[1] then
      others[#others + 1] = { name = all[i], generation = tonumber(generation), used = tonumber(used) }
    end
  end
  table.sort(others, function(one, other)
    if one.used ~= other.used then return one.used > other.used end
    return one.generation > other.generation
  end)
  for i = tonumber(ARGV[3]), #others do call('HDEL', KEYS[2], others[i].name) end
end
return { state[1], state[2], state[3] or '0', state[4] or '0', generation, acked, isRaised }
`);
