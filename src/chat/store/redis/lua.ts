/**
 * Lua that several scripts begin with.
 *
 * Numbers are written with `%d`, since Lua's own way is 1e+14 from there on; stamps pass as text, Lua would round them.
 */
export const TEXT_LUA = `
local call, match, sub, format = redis.call, string.match, string.sub, string.format
local function text(number) return format('%d', number) end
`;

/** `now()`: the time of Redis's clock in milliseconds. */
export const NOW_LUA = `
local function now()
  local time = call('TIME')
  return time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
end
`;

/** `isLost()`: whether a rollback has taken the entry with a number and a stamp from an inbox. What was trimmed is not lost. Wants `TEXT_LUA`. */
export const PLACE_LUA = `
local function isLost(inbox, top, floor, number, stamp, topStamp)
  if number > top then return true end
  if number <= floor then return false end
  if number == top and topStamp then return stamp ~= topStamp end
  local id = text(number) .. '-0'
  local entry = call('XRANGE', inbox, id, id)[1]
  return not entry or match(entry[2][2], '^"stamp":(%d+)') ~= stamp
end
`;

/**
 * Adds to inboxes. Wants `maxInbox`, `inboxBytes` and `publish`, the command for hints.
 *
 * - `open` makes a member out of what `HMGET mark epoch top stamp FIELD` gave: `field` and `place` are where the inbox stands in the
 *   conversation that it is opened for, `others` where it stands in more of them. Nearly always there are no more, so a table is spared.
 * - `add` puts an entry behind the others, `note` says where its conversation stands now. `flush` writes that down: to be called for every
 *   member to whom something was added, whatever else fails.
 * - `hint` publishes what was added, see `readHint`: to be called last, because a script is not rolled back. What may not be published is
 *   stored all the same; the bus, which may not publish either, tells of it.
 */
export const INBOX_LUA = `
local channels, lines = {}, {}
local STARTS = { m = '{"type":"message","inbox":', g = '{"type":"gap","inbox":' }

local function open(state, mark, inbox, channel, field)
  return {
    mark = mark, inbox = inbox, channel = channel, field = field, place = state[4], others = false,
    epoch = state[1], top = tonumber(state[2]), stamp = state[3] or '0', floor = 0,
  }
end

local function add(member, kind, stamp, value)
  local top = member.top + 1
  local inbox = text(top)
  if top > maxInbox then
    call('XADD', member.inbox, 'MAXLEN', maxInbox, inbox, kind, value)
    member.floor = top - maxInbox
  else
    call('XADD', member.inbox, inbox, kind, value)
  end
  if top % 256 == 0 then member.isDue = true end
  lines[#lines + 1] = STARTS[kind] .. inbox .. ',' .. value .. '\\n' .. member.epoch .. ' ' .. member.stamp
  channels[#lines] = member.channel
  member.top, member.topText, member.stamp = top, inbox, stamp
end

local function note(member, field, place)
  if field == member.field then member.place = place else member.others[field] = place end
end

local function trimBytes(member)
  local bytes = call('MEMORY', 'USAGE', member.inbox)
  if bytes <= inboxBytes then return end
  local keep = math.max(1, math.floor(call('XLEN', member.inbox) * inboxBytes / bytes))
  call('XTRIM', member.inbox, 'MAXLEN', text(keep))
  member.floor = math.max(member.floor, member.top - keep)
end

local function raiseFloor(mark, floor)
  if floor > tonumber(call('HGET', mark, 'floor') or '0') then call('HSET', mark, 'floor', text(floor)) end
end

local function flush(member)
  if not member.topText then return end
  -- What cannot be trimmed is to be written down all the same: an entry beyond its inbox's top would keep out all that come later.
  local isTrimmed, reason = true, nil
  if member.isDue then isTrimmed, reason = pcall(trimBytes, member) end
  if member.floor > 0 then raiseFloor(member.mark, member.floor) end
  if member.place then
    call('HSET', member.mark, 'top', member.topText, 'stamp', member.stamp, member.field, member.place)
  else
    call('HSET', member.mark, 'top', member.topText, 'stamp', member.stamp)
  end
  if member.others then
    for field, place in pairs(member.others) do
      if place then call('HSET', member.mark, field, place) end
    end
  end
  if not isTrimmed then error(reason) end
end

local function hint()
  pcall(function()
    for i = 1, #lines do call(publish, channels[i], lines[i]) end
  end)
end
`;

/** After how many sends of a device those too many are removed: that reads all it has, which takes under 2 ms. */
const TRIM_EVERY = 1000;
/** How many fields one command removes: Lua can unpack no more than some thousands. */
const TRIM_AT_ONCE = 500;
/**
 * With so many sends a device's hash becomes a table, which Redis makes of it when a value is longer than 64 bytes (`hash-max-listpack-value`).
 * A list of 256 of them, which Redis would keep up to 512, takes 12.7 µs to look for one and to add one; a table takes 1.9 µs and twice the memory.
 */
const TABLE_FROM = 64;

/**
 * Adds to logs. Wants `NOW_LUA`, `maxLog`, `dedupeIds`, `dedupeTtl`, `dedupeStep`, `logMs`, `logTtl` and `logStep`. A message has `log`,
 * `conv`, `dedupe`, `id`, `fingerprint`, `at`, `stamp` and `tail`, all of them text.
 *
 * - `repeated` tells what to answer if the message was sent before. Its age is told by servers' clocks, which differ: so it counts for as long
 *   as Redis keeps it.
 * - `head` gives where its conversation stands, and what it is if it is a group; it is read once a call. `append` gives the message the next
 *   number and remembers it. Times to live are put off only now and then: that is a call less. When that of sends is due is told by Redis's
 *   clock, which it ends by: a server that is ahead would put it off for all others.
 * - `flushHeads` writes down where conversations stand: to be called whatever else fails.
 */
export const LOG_LUA: string = `
local heads = {}
local nowText = now()

local function repeated(message)
  local known = call('HMGET', message.dedupe, message.id, 'n', 'x')
  message.number, message.putOffAt = tonumber(known[2] or '0'), known[3] or '0'
  if not known[1] then return nil end
  local seq, at, number, fingerprint = match(known[1], '^(%d+) (%d+) (%d+) (.*)$')
  if message.at - at >= dedupeTtl or tonumber(number) <= message.number - dedupeIds then return nil end
  -- What is no number was remembered by an earlier version, of another kind: there, a repeat is taken for one.
  if fingerprint ~= message.fingerprint and match(fingerprint, '^%d+$') then return 'r' end
  return 'd ' .. seq .. ' ' .. at
end

local function trimDedupe(dedupe, number)
  local fields, gone = call('HGETALL', dedupe), {}
  for i = 1, #fields, 2 do
    local sentNumber = match(fields[i + 1], '^%d+ %d+ (%d+)')
    if sentNumber and tonumber(sentNumber) <= number - dedupeIds then gone[#gone + 1] = fields[i] end
  end
  for i = 1, #gone, ${TRIM_AT_ONCE} do
    call('HDEL', dedupe, unpack(gone, i, math.min(i + ${TRIM_AT_ONCE - 1}, #gone)))
  end
end

local function remember(message, seq)
  local number = message.number + 1
  local numberText = text(number)
  local value = seq .. ' ' .. message.at .. ' ' .. numberText .. ' ' .. message.fingerprint
  -- As texts: both are times of 13 digits, but for the 0 of who has sent nothing yet; blanks behind one change nothing.
  if nowText >= message.putOffAt or number == ${TABLE_FROM} then
    local width = number >= ${TABLE_FROM} and 65 or 1
    call('HSET', message.dedupe, message.id, value, 'n', numberText, 'x', format('%-' .. width .. 'd', nowText + dedupeStep))
    call('PEXPIRE', message.dedupe, dedupeTtl)
  else
    call('HSET', message.dedupe, message.id, value, 'n', numberText)
  end
  if number % ${TRIM_EVERY} == 0 then trimDedupe(message.dedupe, number) end
end

local function trimLog(log, oldest)
  for _ = 1, 16 do
    local entries = call('XRANGE', log, '-', '+', 'COUNT', 64)
    local kept
    for _, entry in ipairs(entries) do
      local at = match(entry[2][2], '"at":(%d+)}$')
      if not at or tonumber(at) > oldest then
        kept = entry[1]
        break
      end
    end
    if kept or not entries[1] then
      if kept and kept ~= entries[1][1] then call('XTRIM', log, 'MINID', kept) end
      return
    end
    call('XTRIM', log, 'MINID', match(entries[#entries][1], '^%d+') .. '-1')
  end
end

-- Texts of one length compare as their numbers do, and are not made into numbers for it.
local function isBefore(time, other)
  return #time < #other or #time == #other and time < other
end

local function append(message, conv)
  local seq = text(conv.top + 1)
  local value = '"stamp":' .. message.stamp .. ',"seq":' .. seq .. ',' .. message.tail
  if conv.top >= maxLog then
    call('XADD', message.log, 'MAXLEN', maxLog, seq, 'm', value)
  else
    call('XADD', message.log, seq, 'm', value)
  end
  conv.top, conv.topText, conv.stamp, conv.isChanged = conv.top + 1, seq, message.stamp, true
  remember(message, seq)
  -- A server whose clock is ahead makes nothing older than it is.
  local at = isBefore(nowText, message.at) and nowText or message.at
  if not isBefore(at, conv.putOffAt) then
    conv.putOffAt = text(at + logStep)
    call('HSET', message.conv, 'x', conv.putOffAt)
    call('PEXPIRE', message.log, logTtl)
    trimLog(message.log, at - logMs)
  end
  return seq, value
end

local function head(key, isGroup)
  local conv = heads[key]
  if conv then return conv end
  local fields
  if isGroup then
    fields = call('HMGET', key, 'top', 'stamp', 'x', 'blocks', 'mode', 'version')
  else
    fields = call('HMGET', key, 'top', 'stamp', 'x', 'blocks')
  end
  conv = {
    top = tonumber(fields[1] or '0'), topText = fields[1] or '0', stamp = fields[2] or '0', putOffAt = fields[3] or '0',
    blocks = fields[4] or '', mode = fields[5], version = fields[6] or '0',
  }
  heads[key] = conv
  return conv
end

local function flushHeads()
  for key, conv in pairs(heads) do
    if conv.isChanged then call('HSET', key, 'top', conv.topText, 'stamp', conv.stamp) end
  end
end
`;

/** How much longer than asked for sends are remembered, in milliseconds: so much may servers' clocks differ. */
const DEDUPE_SLACK_MS = 600_000;
/** Into how many steps the life of a log is cut, after each of which its old messages are looked for. */
const LOG_STEPS = 64;

/** What {@linkcode LOG_LUA} wants, from the arguments that {@linkcode logArguments} gives; `n` comes before the first. */
export function logArgumentsLua(n: number): string {
  const names = ["maxLog", "dedupeIds", "dedupeTtl", "dedupeStep", "logMs", "logTtl", "logStep"];
  return names.map((name, index) => `local ${name} = tonumber(ARGV[${n + index + 1}])`).join("\n");
}

/** How many arguments {@linkcode logArgumentsLua} takes. */
export const LOG_ARGUMENTS = 7;

/** The arguments for {@linkcode logArgumentsLua}. */
export function logArguments(limits: {
  readonly logEntries: number;
  readonly logMs: number;
  readonly dedupeMs: number;
  readonly dedupeIds: number;
}): readonly string[] {
  const { logEntries, logMs, dedupeMs, dedupeIds } = limits;
  const logStep = Math.ceil(logMs / LOG_STEPS);
  const dedupeTtl = dedupeMs + DEDUPE_SLACK_MS;
  return [logEntries, dedupeIds, dedupeTtl, DEDUPE_SLACK_MS / 2, logMs, logMs + logStep, logStep].map(String);
}
