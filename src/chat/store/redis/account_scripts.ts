import { defineScript, type RedisScript } from "../../../redis/mod.ts";

/** Makes a user with an inbox. Keys: user, mark. Arguments: password, epoch. Gives 1, or 0 when the name is taken. */
export const CREATE_USER_SCRIPT: RedisScript = defineScript(`
if redis.call('HSETNX', KEYS[1], 'password', ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'epoch', ARGV[2], 'top', '0')
return 1
`);

/**
 * Adds a token, under the user's present count of removals. Keys: token, user. Arguments: when it expires, the user, for how long
 * to keep it in milliseconds.
 */
export const ADD_TOKEN_SCRIPT: RedisScript = defineScript(`
local removals = redis.call('HGET', KEYS[2], 'removals') or '0'
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. removals .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
`);

/** Counts one more removal, after which the tokens added before are worth nothing. Keys: user. */
export const REMOVE_TOKENS_SCRIPT: RedisScript = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'removals', 1) end
return 1
`);

/**
 * Notes a login of a device. Keys: mark, devices. Arguments: device, now, how many devices to remember. Gives epoch, top, floor,
 * generation, acknowledged.
 */
export const OPEN_DEVICE_SCRIPT: RedisScript = defineScript(`
local state = redis.call('HMGET', KEYS[1], 'epoch', 'top', 'floor', 'acked')
if not state[1] then return {'', '0', '0', '0', '0'} end
local generation = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'generation', 1))
local known = redis.call('HGET', KEYS[2], ARGV[1])
local acked = known and string.match(known, '^%d+') or state[4] or '0'
if not known then
  local devices = redis.call('HGETALL', KEYS[2])
  local others = {}
  for i = 1, #devices, 2 do
    others[#others + 1] = { devices[i], tonumber(string.match(devices[i + 1], '^%d+ (%d+)')) }
  end
  table.sort(others, function(one, other) return one[2] < other[2] end)
  for i = 1, #others - tonumber(ARGV[3]) + 1 do redis.call('HDEL', KEYS[2], others[i][1]) end
end
redis.call('HSET', KEYS[2], ARGV[1], acked .. ' ' .. generation .. ' ' .. ARGV[2])
return {state[1], state[2], state[3] or '0', generation, acked}
`);

/** Notes how far a device has read. Keys: mark, devices. Arguments: device, epoch, inbox. Gives 1 when it counted. */
export const ACK_SCRIPT: RedisScript = defineScript(`
local state = redis.call('HMGET', KEYS[1], 'epoch', 'top', 'acked')
local inbox = tonumber(ARGV[3])
if state[1] ~= ARGV[2] or inbox > tonumber(state[2]) then return 0 end
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return 0 end
local acked, rest = string.match(known, '^(%d+)( .*)$')
if inbox <= tonumber(acked) then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] .. rest)
if inbox > tonumber(state[3] or '0') then redis.call('HSET', KEYS[1], 'acked', ARGV[3]) end
return 1
`);
