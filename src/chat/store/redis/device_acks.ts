import { byPartition, defineScript, type RedisScript } from "../../../redis/mod.ts";
import type { Reached } from "../account.ts";
import type { StoreError } from "../contract.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import { markField } from "./keys.ts";
import { Lane } from "./lane.ts";
import { PLACE_LUA, TEXT_LUA } from "./lua.ts";

/** Acks in one call: Redis does nothing else meanwhile. */
const MAX_BATCH = 128;
/** In steps of how many entries an inbox drops what is acknowledged. */
const TRIM_STEP = 256;
/** Conversations of one ack that are read at once, and values that are written at once: Lua's stack is short. */
const MAX_VALUES = 500;
/** Entries that one ack drops at most. */
const MAX_TRIMMED = 4096;

/**
 * Notes how far devices have read. Keys: for each ack its mark, devices and inbox. Arguments: for how long an unused device counts; then for
 * each ack its device, epoch, number and stamp or nothing, how many conversations, their fields in the mark, and how far each was reached.
 *
 * - A device that acknowledges counts as used as lately as the user's last login.
 * - The last entry that all have acknowledged stays, so that a cursor that stands there can be compared with it.
 */
const ACK_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${PLACE_LUA}
local deviceMs, floor = tonumber(ARGV[1]), math.floor

local function trim(keys, top, bottom, used)
  local least = top
  for _, value in ipairs(call('HVALS', keys.devices)) do
    local acked, usedAt = match(value, '^(%d+) %d+ (%d+)')
    if tonumber(usedAt) > used - deviceMs then least = math.min(least, tonumber(acked)) end
  end
  if least - 1 - bottom < ${TRIM_STEP} then return end
  local to = math.min(least - 1, bottom + ${MAX_TRIMMED})
  call('XTRIM', keys.inbox, 'MINID', text(to + 1) .. '-0')
  call('HSET', keys.mark, 'floor', text(to))
end

local function reach(changes, field, mark, seq)
  local start, top, before = match(mark, '^((%d+) %d+ %d+ )(%d+)')
  local reached = math.min(tonumber(seq), tonumber(top or '0'))
  if not start or reached <= tonumber(before) then return end
  changes[#changes + 1] = field
  changes[#changes + 1] = start .. text(reached)
end

local function ack(keys, device, epoch, number, stamp, first, count)
  local last = first + math.min(count, ${MAX_VALUES}) - 1
  local state = call('HMGET', keys.mark, 'epoch', 'top', 'floor', 'acked', 'used', 'stamp', unpack(ARGV, first, last))
  local inbox, top, bottom = tonumber(number), tonumber(state[2]), tonumber(state[3] or '0')
  if state[1] ~= epoch or inbox > top then return end
  if stamp ~= '' and isLost(keys.inbox, top, bottom, inbox, stamp, state[6]) then return end
  local known = call('HGET', keys.devices, device)
  if not known then return end
  local acked, generation, usedAt = match(known, '^(%d+) (%d+) (%d+)')
  local before, used = tonumber(acked), tonumber(state[5] or '0')
  if inbox <= before then return end
  call('HSET', keys.devices, device, number .. ' ' .. generation .. ' ' .. text(math.max(tonumber(usedAt), used)))
  local changes = {}
  if inbox > tonumber(state[4] or '0') then changes = { 'acked', number } end
  for i = 0, count - 1 do
    local field = ARGV[first + i]
    local mark = i < ${MAX_VALUES} and state[7 + i] or i >= ${MAX_VALUES} and call('HGET', keys.mark, field)
    if mark then reach(changes, field, mark, ARGV[first + count + i]) end
    if #changes >= ${MAX_VALUES} then
      call('HSET', keys.mark, unpack(changes))
      changes = {}
    end
  end
  if #changes > 0 then call('HSET', keys.mark, unpack(changes)) end
  local isStep = floor((inbox - 1) / ${TRIM_STEP}) ~= floor((before - 1) / ${TRIM_STEP})
  if isStep and top - bottom > ${TRIM_STEP} then trim(keys, top, bottom, used) end
end

local argument = 2
for key = 1, #KEYS, 3 do
  local keys = { mark = KEYS[key], devices = KEYS[key + 1], inbox = KEYS[key + 2] }
  local count = tonumber(ARGV[argument + 4])
  ack(keys, ARGV[argument], ARGV[argument + 1], ARGV[argument + 2], ARGV[argument + 3], argument + 5, count)
  argument = argument + 5 + 2 * count
end
return #KEYS / 3
`);

/** How far a device of a user has read. */
export interface DeviceAck {
  readonly user: string;
  readonly device: string;
  readonly epoch: string;
  readonly inbox: number;
  readonly delivered: readonly Reached[];
  readonly stamp: number | undefined;
}

/**
 * Notes acks, those of a tick in one call. They are not waited for to be on a disk or a replica: one that is lost costs a device some entries
 * that it has seen.
 */
export class DeviceAcks implements AsyncDisposable {
  readonly #context: RedisStoreContext;
  readonly #lane: Lane<DeviceAck, true>;

  constructor(context: RedisStoreContext) {
    this.#context = context;
    this.#lane = new Lane({
      action: "note what was acknowledged",
      run: (batch) => this.#run(batch),
      weigh: () => 1 / MAX_BATCH,
      deadlineMs: context.deadlineMs,
      clock: context.clock,
    });
  }

  /** @throws {StoreError} `unavailable`. */
  async ack(ack: DeviceAck): Promise<void> {
    await this.#lane.ask(ack);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lane.close();
  }

  async #run(batch: readonly DeviceAck[]): Promise<readonly (true | StoreError)[]> {
    const calls = this.#context.isSplit ? byPartition(batch) : [batch];
    const failures = new Map<DeviceAck, StoreError>();
    await Promise.all(
      calls.map(async (acks) => {
        try {
          await this.#call(acks);
        } catch (cause) {
          const error = toStoreError(cause, "note what was acknowledged");
          for (const ack of acks) failures.set(ack, error);
        }
      }),
    );
    return batch.map((ack) => failures.get(ack) ?? true);
  }

  async #call(acks: readonly DeviceAck[]): Promise<void> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const names = acks.flatMap(({ user }) => [keys.mark(user), keys.devices(user), keys.inbox(user)]);
    const args = acks.flatMap(({ device, epoch, inbox, delivered, stamp }) => [
      device,
      epoch,
      `${inbox}`,
      `${stamp ?? ""}`,
      `${delivered.length}`,
      ...delivered.map(({ conversation }) => markField(conversation)),
      ...delivered.map(({ seq }) => `${seq}`),
    ]);
    await keyspace.script(ACK_SCRIPT, names, [`${limits.deviceMs}`, ...args], { deadlineMs });
  }
}
