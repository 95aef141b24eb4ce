import { defineScript, type RedisScript } from "../../redis/mod.ts";

/** Milliseconds by Redis's clock, which is the one that all servers share. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Begins or renews a server's lease, or only looks. Keys: servers, dying. Arguments: `join`, `renew` or `look`; the server.
 *
 * Gives 1, or 0 for a renewal that comes too late: the server was taken for dead; how many are dying; then each server that has a lease
 * and the age of its lease in milliseconds.
 */
export const LEASE_SCRIPT: RedisScript = defineScript(`${NOW}
local isIn = 1
if ARGV[1] == 'renew' and not redis.call('ZSCORE', KEYS[1], ARGV[2]) then
  isIn = 0
elseif ARGV[1] ~= 'look' then
  redis.call('ZADD', KEYS[1], now, ARGV[2])
end
local reply = { isIn, redis.call('ZCARD', KEYS[2]) }
local servers = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #servers, 2 do
  reply[#reply + 1] = servers[i]
  reply[#reply + 1] = math.max(0, now - tonumber(servers[i + 1]))
end
return reply
`);

/** Ends a server's lease: what it holds is to be cleared away. Keys: servers, dying. Arguments: the server. */
export const RETIRE_SCRIPT: RedisScript = defineScript(`
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then redis.call('ZADD', KEYS[2], 0, ARGV[1]) end
return 1
`);

/**
 * Gives a server that is to be cleared away, and to nobody else for a while; or nothing. Keys: servers, dying. Arguments: the life of a
 * lease, and for how long nobody else gets it, in milliseconds.
 */
export const CLAIM_SCRIPT: RedisScript = defineScript(`${NOW}
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]) - 1)
for _, server in ipairs(lapsed) do
  redis.call('ZREM', KEYS[1], server)
  redis.call('ZADD', KEYS[2], 0, server)
end
local free = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[2]), 'LIMIT', 0, 1)[1]
if not free then return false end
redis.call('ZADD', KEYS[2], now, free)
return free
`);

/**
 * What is asked about users of one partition. Keys: online, held. Arguments: the server, then for each user `+`, `-` or `?`, and the user.
 *
 * Gives for each the servers that hold the user, one a line; for `+` and `-` without the one that asks.
 */
export const ASK_SCRIPT: RedisScript = defineScript(`
local server, reply = ARGV[1], {}
for i = 2, #ARGV, 2 do
  local kind, user = ARGV[i], ARGV[i + 1]
  local holders = redis.call('HGET', KEYS[1], user) or ''
  if kind ~= '?' then
    local others = {}
    for holder in string.gmatch(holders, '[^\\n]+') do
      if holder ~= server then others[#others + 1] = holder end
    end
    holders = table.concat(others, '\\n')
    if kind == '+' then
      others[#others + 1] = server
      redis.call('HSET', KEYS[1], user, table.concat(others, '\\n'))
      redis.call('SADD', KEYS[2], user)
    else
      if holders == '' then redis.call('HDEL', KEYS[1], user) else redis.call('HSET', KEYS[1], user, holders) end
      redis.call('SREM', KEYS[2], user)
    end
  end
  reply[#reply + 1] = holders
end
return reply
`);

/**
 * Takes a dead server off some of its users. Keys: online, held. Arguments: the server, how many, then users who were given the last
 * time and are settled.
 *
 * Gives users, each with 1 after it where no other server holds them, else 0. They stay the dead server's until the next call, so that
 * another one gives them again if whoever asks dies now.
 */
export const CLEAR_SCRIPT: RedisScript = defineScript(`
for i = 3, #ARGV do redis.call('SREM', KEYS[2], ARGV[i]) end
local reply = {}
for _, user in ipairs(redis.call('SRANDMEMBER', KEYS[2], ARGV[2])) do
  local others = {}
  for holder in string.gmatch(redis.call('HGET', KEYS[1], user) or '', '[^\\n]+') do
    if holder ~= ARGV[1] then others[#others + 1] = holder end
  end
  if #others == 0 then
    redis.call('HDEL', KEYS[1], user)
  else
    redis.call('HSET', KEYS[1], user, table.concat(others, '\\n'))
  end
  reply[#reply + 1] = user
  reply[#reply + 1] = #others == 0 and 1 or 0
end
return reply
`);
