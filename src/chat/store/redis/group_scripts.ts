import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import { NOW_LUA, TEXT_LUA } from "./lua.ts";

/**
 * Changes a group, and notes what users are to learn of it.
 *
 * What a user is to learn is `KIND VERSION SEQ STAMP JOINED JOINEDSTAMP BY`: `m` a member since that place, `i` invited, `l` left at that
 * place, `x` no longer invited. Who has left must have learned it before they can be told anything else: until then the answer is `o`.
 * A version is a time by Redis's clock that always grows, also over a fail-over to older data.
 *
 * Keys: conversation, members, invites, changes, owed. Arguments: action, who does it, to whom, mode, most members, owed item, why the one
 * who would get another group or invitation cannot, or nothing.
 * Gives what came of it, the owner, the names that are to know, and those that were invited to a group that is over by it.
 */
export const CHANGE_GROUP_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${NOW_LUA}
local conv, members, invites, changes, owed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local action, by, name, mode, maxMembers, item = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local obstacle = ARGV[7] ~= '' and ARGV[7]
local group = call('HMGET', conv, 'mode', 'owner', 'top', 'stamp', 'version')
local owner, seq, stamp = group[2], group[3] or '0', group[4] or '0'
local time = now()
local version = text(math.max(tonumber(time), tonumber(group[5] or '0') + 1))

local function isLeaving(user)
  local change = call('HGET', changes, user)
  return change and sub(change, 1, 1) == 'l'
end

local function tell(user, kind, joined, joinedStamp, inviter)
  local value = { kind, version, seq, stamp, joined, joinedStamp, inviter }
  call('HSET', changes, user, table.concat(value, ' '))
end

local function changed()
  call('HSET', conv, 'version', version)
  call('ZADD', owed, 'NX', time, item)
end

local uninvited = {}
local function answer(outcome, told)
  return { outcome, owner or '', told or {}, uninvited }
end

local function enter(user, inviter)
  call('HSET', members, user, seq .. ' ' .. stamp .. ' ' .. version .. ' ' .. inviter)
  call('HDEL', invites, user)
  tell(user, 'm', seq, stamp, inviter)
  changed()
end

local function drop(user)
  local joined, joinedStamp = match(call('HGET', members, user), '^(%d+) (%d+)')
  call('HDEL', members, user)
  tell(user, 'l', joined, joinedStamp, '-')
end

local function finish()
  uninvited = call('HKEYS', invites)
  for _, user in ipairs(uninvited) do tell(user, 'x', '0', '0', '-') end
  call('DEL', invites)
  call('HDEL', conv, 'mode', 'owner')
  owner = nil
end

local function uninvite(user, told)
  call('HDEL', invites, user)
  tell(user, 'x', '0', '0', '-')
  changed()
  return answer('done', told)
end

local function take(user)
  local told = call('HKEYS', members)
  drop(user)
  if #told == 1 then
    finish()
  elseif owner == user then
    local fields, least = call('HGETALL', members), nil
    for i = 1, #fields, 2 do
      local order = tonumber(match(fields[i + 1], '^%d+ %d+ (%d+)'))
      if not least or order < least then least, owner = order, fields[i] end
    end
    call('HSET', conv, 'owner', owner)
  end
  changed()
  return answer('done', told)
end

local function isMember(user) return call('HEXISTS', members, user) == 1 end
local function isInvited(user) return call('HEXISTS', invites, user) == 1 end

local acts = {}

function acts.create()
  if isLeaving(by) then return answer('o') end
  if obstacle then return answer(obstacle) end
  owner = by
  call('HSET', conv, 'mode', mode, 'owner', by)
  enter(by, by)
  return answer('done', { by })
end

function acts.join()
  if isMember(by) then return answer('done') end
  local inviter = call('HGET', invites, by)
  if not inviter and group[1] == 'invite' then return answer('forbidden') end
  if call('HLEN', members) >= maxMembers then return answer('full') end
  if obstacle then return answer(obstacle) end
  if isLeaving(by) then return answer('o') end
  enter(by, inviter or by)
  return answer('done', call('HKEYS', members))
end

function acts.leave()
  if isMember(by) then return take(by) end
  return isInvited(by) and uninvite(by, { by }) or answer('not_member')
end

function acts.delete()
  if not isMember(by) then return answer('not_member') end
  if owner ~= by then return answer('forbidden') end
  local told = call('HKEYS', members)
  for _, user in ipairs(told) do drop(user) end
  finish()
  changed()
  return answer('done', told)
end

function acts.invite()
  if not isMember(by) then return answer('not_member') end
  if isMember(name) or isInvited(name) then return answer('done') end
  if call('HLEN', members) >= maxMembers or call('HLEN', invites) >= maxMembers then return answer('full') end
  if obstacle then return answer(obstacle) end
  if isLeaving(name) then return answer('o') end
  call('HSET', invites, name, by)
  tell(name, 'i', '0', '0', by)
  changed()
  return answer('done', { by, name })
end

function acts.remove()
  if not isMember(by) then return answer('not_member') end
  if owner ~= by then return answer('forbidden') end
  if isMember(name) then return take(name) end
  return isInvited(name) and uninvite(name, { by, name }) or answer('unknown_user')
end

if action == 'create' then
  return group[1] and answer('taken') or acts.create()
end
return group[1] and acts[action]() or answer('unknown_group')
`);

/**
 * Strikes what users have learned of a group, and the owed item when nothing is left.
 *
 * Keys: changes, owed, tries, aside. Arguments: the item, then users with what they have learned.
 */
export const STRIKE_GROUP_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}
for i = 2, #ARGV, 2 do
  if call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then call('HDEL', KEYS[1], ARGV[i]) end
end
if call('HLEN', KEYS[1]) > 0 then return 0 end
call('ZREM', KEYS[2], ARGV[1])
call('HDEL', KEYS[3], ARGV[1])
call('SREM', KEYS[4], ARGV[1])
return 1
`);

/**
 * What a group is, as one who asks sees it.
 *
 * Keys: conversation, members. Arguments: who asks, and the command that reads the members: `HKEYS`, or `HGETALL` for where they joined, too.
 * Gives what it is, the owner, the members.
 */
export const READ_GROUP_SCRIPT: RedisScript = defineScript(`
local group = redis.call('HMGET', KEYS[1], 'mode', 'owner')
if not group[1] then return { 'unknown_group' } end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return { 'not_member' } end
return { 'known', group[2], redis.call(ARGV[2], KEYS[2]) }
`);
