import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import type { Outgoing } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import type { Keys } from "./keys.ts";
import { LOG_ARGUMENTS, LOG_LUA, logArguments, logArgumentsLua, NOW_LUA, TEXT_LUA } from "./lua.ts";
import { deliveryItem } from "./owed.ts";
import { logFields, logKeys, type ScriptCall, sideOf } from "./send_script.ts";

/**
 * Appends messages to their logs and notes that their inboxes are owed: the first of the steps. What has one hash tag may be in one call.
 *
 * Keys: for each message its log, conversation, dedupe, owed and members.
 * Arguments: those of the log; then for each message `g` for a group or which of the pair the sender is, the sender, id, fingerprint, time,
 * stamp, tail, owed item.
 * Gives for each `p`, number, time, the group's version or 0, the stamp before and the message's own; or what a repeat or a refusal is.
 */
export const APPEND_SCRIPT: RedisScript = defineScript(`
${logArgumentsLua(0)}
${TEXT_LUA}${NOW_LUA}${LOG_LUA}
local failed = {}

local function send(message)
  if failed[message.dedupe] then error('a message before it failed') end
  local again = repeated(message)
  if again then return again end
  local isGroup = message.side == 'g'
  local conv = head(message.conv, isGroup)
  if isGroup then
    if not conv.mode then return 'g' end
    if call('HEXISTS', message.members, message.from) == 0 then return 'n' end
  elseif conv.blocks ~= '' and string.find(conv.blocks, message.side == '1' and '2' or '1', 1, true) then
    return 'b'
  end
  call('ZADD', message.owed, 'NX', nowText, message.item)
  local before = conv.stamp
  local seq = append(message, conv)
  return 'p ' .. seq .. ' ' .. message.at .. ' ' .. conv.version .. ' ' .. before .. ' ' .. message.stamp
end

local results = {}
local key = 1
for argument = ${LOG_ARGUMENTS + 1}, #ARGV, 8 do
  local message = {
    log = KEYS[key], conv = KEYS[key + 1], dedupe = KEYS[key + 2], owed = KEYS[key + 3], members = KEYS[key + 4],
    side = ARGV[argument], from = ARGV[argument + 1], id = ARGV[argument + 2], fingerprint = ARGV[argument + 3],
    at = ARGV[argument + 4], stamp = ARGV[argument + 5], tail = ARGV[argument + 6], item = ARGV[argument + 7],
  }
  key = key + 5
  local isDone, result = pcall(send, message)
  if not isDone then failed[message.dedupe] = true end
  results[#results + 1] = isDone and result or 'e ' .. (type(result) == 'table' and result.err or tostring(result))
end
flushHeads()
return results
`);

/** The keys and arguments of {@linkcode APPEND_SCRIPT}, and the tails that were sent. */
export function appendCall(
  messages: readonly Outgoing[],
  limits: Required<StoreLimits>,
  keys: Keys,
): ScriptCall & { readonly tails: readonly string[] } {
  const allKeys: string[] = [];
  const args = [...logArguments(limits)];
  const tails: string[] = [];
  for (const message of messages) {
    const { conversation, from } = message;
    const isGroup = conversation.startsWith("#");
    const fields = logFields(message);
    allKeys.push(...logKeys(message, keys), keys.members(conversation));
    args.push(isGroup ? "g" : sideOf(message), from, ...fields, deliveryItem(conversation));
    tails.push(fields.at(-1) ?? "");
  }
  return { keys: allKeys, args, tails };
}
