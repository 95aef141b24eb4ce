import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import { MAX_BLOCKED, MAX_FRIENDS } from "../friend.ts";
import { markField } from "./keys.ts";
import { TEXT_LUA } from "./lua.ts";

/** For how long a list remembers what is no longer in it, in milliseconds: longer than any write is under way. */
const FORGET_MS = 3_600_000;
/** How much of that a list remembers at most: a list longer than this and all that may be in it is tidied up. */
const MAX_GONE = 1000;
/** How much of that is left then, at most: so the next time is not soon. */
const KEPT_GONE = MAX_GONE / 2;

/**
 * `learn` puts a line into a user's list, unless the list knows something newer of that name. What is gone stays for a while, so that a late
 * write cannot bring it back. Others make such lines, as many as they like: so of too many the oldest go earlier, and of a list of groups
 * the marks with them. A line is `STATE VERSION BY`.
 */
const LEARN_LUA = `
local function forget(list, version, mark)
  local fields, gone = call('HGETALL', list), {}
  for i = 1, #fields, 2 do
    local version = match(fields[i + 1], '^gone (%d+)')
    if version then gone[#gone + 1] = { name = fields[i], version = tonumber(version) } end
  end
  table.sort(gone, function(one, other) return one.version > other.version end)
  for i, line in ipairs(gone) do
    if i > ${KEPT_GONE} or line.version < version - ${FORGET_MS} then
      call('HDEL', list, line.name)
      if mark then call('HDEL', mark, '${markField("")}' .. line.name) end
    end
  end
end

local function learn(list, name, state, version, by, mark)
  local known = call('HGET', list, name)
  if known and tonumber(match(known, '^%a+ (%d+)')) >= tonumber(version) then return false end
  call('HSET', list, name, state .. ' ' .. version .. ' ' .. by)
  if state == 'gone' and call('HLEN', list) > ${MAX_FRIENDS + MAX_BLOCKED + MAX_GONE} then
    forget(list, tonumber(version), mark)
  end
  return true
end
`;

/** Tells a user how they stand to another one. Keys: friends. Arguments: the other one, state or `gone`, version. */
export const LEARN_FRIEND_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${LEARN_LUA}
return learn(KEYS[1], ARGV[1], ARGV[2], ARGV[3], '-') and 1 or 0
`);

/**
 * Tells a user how they stand to a group. Who has joined has read what was before; who has left has nothing to read.
 *
 * Keys: groups, mark. Arguments: group, state, version, by whom, mark field, number and stamp of the place that is joined or left.
 */
export const LEARN_GROUP_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${LEARN_LUA}
if call('HEXISTS', KEYS[2], 'epoch') == 0 then return 0 end
if not learn(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], KEYS[2]) then return 0 end
local field, seq, stamp = ARGV[5], ARGV[6], ARGV[7]
local known = call('HGET', KEYS[2], field)
if seq == '-' then return 1 end
local at, itsStamp = '-1', '0'
if known then at, itsStamp = match(known, '^(%d+) (%d+)') end
if tonumber(at) < tonumber(seq) then
  call('HSET', KEYS[2], field, seq .. ' ' .. stamp .. ' ' .. seq .. ' ' .. seq)
elseif ARGV[2] == 'gone' then
  call('HSET', KEYS[2], field, at .. ' ' .. itsStamp .. ' ' .. at .. ' ' .. at)
end
return 1
`);

/**
 * How many lines of some states a list has, and whether there is a user with it. Keys: mark, list. Arguments: the states. Gives a number for
 * each, or nothing where there is no such user.
 */
export const COUNT_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}
if call('HEXISTS', KEYS[1], 'epoch') == 0 then return {} end
local counts, result = {}, {}
for _, line in ipairs(call('HVALS', KEYS[2])) do
  local state = match(line, '^%a+')
  counts[state] = (counts[state] or 0) + 1
end
for i, state in ipairs(ARGV) do result[i] = counts[state] or 0 end
return result
`);

/** A line of a list. */
export interface ListLine {
  readonly state: string;
  readonly by: string;
}

/** Reads a line; undefined for what is gone. */
export function parseLine(line: string): ListLine | undefined {
  const [state = "", , by = ""] = line.split(" ");
  return state === "gone" || state === "" ? undefined : { state, by };
}
