import { byPartition, defineScript, type RedisScript } from "../../../redis/mod.ts";
import type { InboxFinding, InboxPlace, InboxState } from "../account.ts";
import { randomEpoch } from "../line.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import { PLACE_LUA, TEXT_LUA } from "./lua.ts";
import type { InboxRepair } from "./repair.ts";
import { toList } from "./reply.ts";

/**
 * Looks where inboxes stand, and begins a new epoch where the entry at a place is no longer the one that was sent from there. Keys: for each
 * place its mark, devices and inbox. Arguments: for each its device, epoch, number, stamp, and a new epoch.
 *
 * Gives for each epoch, top, stamp, floor, generation of the device, or of the last end of all where it is forgotten, 1 when the place is lost, and the history.
 */
const INBOX_STATES_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${PLACE_LUA}
local reply = {}
local function look(mark, devices, inbox, device, epoch, number, stamp, newEpoch)
  local state = call('HMGET', mark, 'epoch', 'top', 'stamp', 'floor', 'history', 'ended')
  local top, floor = tonumber(state[2] or '0'), tonumber(state[4] or '0')
  if state[1] and state[1] == epoch and isLost(inbox, top, floor, tonumber(number), stamp, state[3]) then
    call('HSET', mark, 'epoch', newEpoch)
    state[1] = newEpoch
  end
  local known = call('HGET', devices, device)
  local values = {
    state[1] or '', text(top), state[3] or '0', text(floor), known and match(known, '^%d+ (%d+)') or state[6] or '0',
    (state[1] or '') ~= epoch and '1' or '0', state[5] or '',
  }
  for _, value in ipairs(values) do reply[#reply + 1] = value end
end

for i = 1, #KEYS / 3 do
  local key, argument = 3 * i - 2, 5 * i - 4
  look(KEYS[key], KEYS[key + 1], KEYS[key + 2], unpack(ARGV, argument, argument + 4))
end
return reply
`);
const VALUES = 7;

/** A finding, and the history under which the inbox was last compared with its logs. */
interface Found {
  readonly finding: InboxFinding;
  readonly history: string;
}

/** Looks where inboxes stand. */
export class InboxStates {
  readonly #context: RedisStoreContext;
  readonly #repair: InboxRepair;

  constructor(context: RedisStoreContext, repair: InboxRepair) {
    this.#context = context;
    this.#repair = repair;
  }

  /** As {@linkcode AccountStore.inboxState}. */
  async one(user: string): Promise<InboxState> {
    const { reads, keys, deadlineMs } = this.#context;
    const mark = keys.mark(user);
    const fields = ["HMGET", mark, "epoch", "top", "stamp", "floor"];
    const [epoch, top, stamp, floor] = toList(await reads.command(mark, fields, { deadlineMs }));
    return {
      epoch: typeof epoch === "string" ? epoch : "",
      top: Number(top ?? 0),
      stamp: Number(stamp ?? 0),
      floor: Number(floor ?? 0),
    };
  }

  /** As {@linkcode AccountStore.inboxStates}; a place whose inbox cannot be repaired now is reported as it is, and as uncertain. */
  async many(places: readonly InboxPlace[]): Promise<readonly (InboxFinding | undefined)[]> {
    const failures: unknown[] = [];
    const found = await this.#look(places, failures);
    if (found.size === 0 && failures.length > 0) throw failures[0];
    const due = places.filter((place) => this.#isDue(found.get(place)));
    if (due.length > 0) {
      await this.#repair.tryAll(new Set(due.map(({ user }) => user)));
      for (const [place, again] of await this.#look(due, failures)) found.set(place, again);
    }
    // Mostly they are one: a master that is away has many partitions.
    const [failure] = failures;
    if (failure !== undefined)
      this.#context.onError(toStoreError(failure, "read where some inboxes stand"), { during: "request" });
    return places.map((place) => this.#judge(found.get(place)));
  }

  #judge(found: Found | undefined): InboxFinding | undefined {
    if (!found) return undefined;
    return this.#isDue(found) ? { ...found.finding, isUncertain: true } : found.finding;
  }

  /** Also while nobody knows which history it is. */
  #isDue(found: Found | undefined): boolean {
    const { history } = this.#repair;
    return found !== undefined && found.finding.epoch !== "" && (history === "" || found.history !== history);
  }

  /** @param failures Takes why places could not be looked at, which are left out. */
  async #look(places: readonly InboxPlace[], failures: unknown[]): Promise<Map<InboxPlace, Found>> {
    const found = new Map<InboxPlace, Found>();
    const groups = this.#context.isSplit ? byPartition(places) : [places];
    await Promise.all(
      groups.map(async (group) => {
        try {
          const values = await this.#call(group);
          for (const [index, place] of group.entries()) {
            found.set(place, toFound(values.slice(VALUES * index, VALUES * (index + 1))));
          }
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    return found;
  }

  async #call(places: readonly InboxPlace[]): Promise<readonly unknown[]> {
    if (places.length === 0) return [];
    const { keyspace, keys, deadlineMs } = this.#context;
    const names = places.flatMap(({ user }) => [keys.mark(user), keys.devices(user), keys.inbox(user)]);
    const args = places.flatMap(({ device, epoch, inbox, stamp }) => [
      device,
      epoch,
      `${inbox}`,
      `${stamp}`,
      randomEpoch(),
    ]);
    return toList(await keyspace.script(INBOX_STATES_SCRIPT, names, args, { deadlineMs }));
  }
}

function toFound([epoch, top, stamp, floor, generation, isRolledBack, history]: readonly unknown[]): Found {
  return {
    finding: {
      epoch: String(epoch ?? ""),
      top: Number(top ?? 0),
      stamp: Number(stamp ?? 0),
      floor: Number(floor ?? 0),
      generation: Number(generation ?? 0),
      isRolledBack: isRolledBack === "1",
    },
    history: String(history ?? ""),
  };
}
