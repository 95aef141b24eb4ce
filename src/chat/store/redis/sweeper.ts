import type { Timer } from "../../../async/mod.ts";
import { Semaphore } from "../../../async/mod.ts";
import { defineScript, PARTITIONS, partitionOf, type RedisScript } from "../../../redis/mod.ts";
import { MAX_DELIVERY_TRIES, type StoreError } from "../contract.ts";
import type { RedisStoreContext } from "./context.ts";
import { isOutage, isSilence, toStoreError } from "./error.ts";
import { NOW_LUA, TEXT_LUA } from "./lua.ts";
import { type OwedWork, parseItem } from "./owed.ts";
import { toList, toText, toTexts } from "./reply.ts";

/** How old work must be to be taken up by somebody else, in milliseconds of Redis's clock. */
const OVERDUE_MS = 3000;
/** How often a server looks, in milliseconds, up to a fifth more or less. With the age it is less than 4 s. */
const SWEEP_MS = 750;
/** How often one item of a partition that was set aside is tried again, in milliseconds. */
const RETRY_MS = 60_000;
/** Items of one partition that are taken up at once, and how many of them are under way. */
const MAX_ITEMS = 32;
const MAX_UNDER_WAY = 8;

/**
 * Takes up overdue work: it counts as begun now, so that nobody else takes it up, too, and what was tried too often is set aside. Of that
 * one item, whichever, gets one more try now and then; it counts as set aside until it is done.
 *
 * Keys: owed, tries, aside and retried of each partition. Arguments: overdue after, how many, most tries, how often what is set aside is tried
 * again. Gives how much is set aside, then the items.
 */
const SWEEP_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${NOW_LUA}
local time = now()
local limit = '(' .. text(tonumber(time) - tonumber(ARGV[1]))
local aside, items = 0, {}

local function retry(owed, tries, given, retried)
  local item = call('SRANDMEMBER', given)
  if not item or call('ZSCORE', owed, item) then return end
  if not call('SET', retried, '', 'NX', 'PX', ARGV[4]) then return end
  call('HSET', tries, item, text(tonumber(ARGV[3]) - 1))
  call('ZADD', owed, 0, item)
end

for i = 1, #KEYS, 4 do
  local owed, tries, given = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  retry(owed, tries, given, KEYS[i + 3])
  for _, item in ipairs(call('ZRANGEBYSCORE', owed, '-inf', limit, 'LIMIT', 0, ARGV[2])) do
    if call('HINCRBY', tries, item, 1) > tonumber(ARGV[3]) then
      call('ZREM', owed, item)
      call('HDEL', tries, item)
      call('SADD', given, item)
    else
      call('ZADD', owed, time, item)
      items[#items + 1] = item
    end
  end
  aside = aside + call('SCARD', given)
end
return { text(aside), items }
`);

/** Does a piece of owed work. Harmless to repeat. */
export type Settle = (work: OwedWork) => Promise<void>;

/**
 * Finds what others owe and did not do in time, because they died or could not, and does it.
 *
 * There is no lease: who takes something up puts it off for the others, and doing it twice is harmless.
 */
export class Sweeper {
  readonly #context: RedisStoreContext;
  readonly #settle: Settle;
  readonly #turns = new Semaphore(MAX_UNDER_WAY, Number.POSITIVE_INFINITY);
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isOpen = true;
  #setAside = 0;

  /** Begins to sweep. */
  constructor(context: RedisStoreContext, settle: Settle) {
    this.#context = context;
    this.#settle = settle;
    this.#schedule();
  }

  /** How much is set aside, as of the last sweep. */
  get setAside(): number {
    return this.#setAside;
  }

  /** Finishes what is under way. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    if (!this.#isOpen) return;
    const delayMs = SWEEP_MS * (0.8 + 0.4 * Math.random());
    this.#timer = this.#context.clock.after(delayMs, () => {
      this.#running = this.#sweep().finally(() => this.#schedule());
    });
  }

  /** Never rejects. */
  async #sweep(): Promise<void> {
    const calls = this.#calls().map((partitions) => this.#takeUp(partitions));
    const outcomes = await Promise.allSettled(calls);
    let aside = 0;
    const items: string[] = [];
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") {
        this.#report(toStoreError(outcome.reason, "look for what is owed"));
      } else {
        aside += outcome.value.aside;
        items.push(...outcome.value.items);
      }
    }
    if (outcomes.every(({ status }) => status === "fulfilled")) this.#setAside = aside;
    await Promise.all(items.map((item) => this.#turns.tryRun(() => this.#do(item))));
  }

  /** The partitions that one call may touch. */
  #calls(): readonly (readonly string[])[] {
    const partitions = Array.from({ length: PARTITIONS }, (_, number) => `${number}`.padStart(2, "0"));
    return this.#context.isSplit ? partitions.map((partition) => [partition]) : [partitions];
  }

  async #takeUp(partitions: readonly string[]): Promise<{ aside: number; items: readonly string[] }> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const names = partitions.flatMap((part) => [
      keys.owed(part),
      keys.tries(part),
      keys.aside(part),
      keys.retried(part),
    ]);
    const args = [OVERDUE_MS, MAX_ITEMS, MAX_DELIVERY_TRIES, RETRY_MS].map(String);
    const [aside, items] = toList(await keyspace.script(SWEEP_SCRIPT, names, args, { deadlineMs }));
    return { aside: Number(toText(aside)), items: toTexts(items) };
  }

  /** What fails is tried again, up to the limit. That a Redis does not answer, or takes no writes, is no fault of the work and does not count. */
  async #do(item: string): Promise<void> {
    const work = parseItem(item);
    if (!work) return;
    try {
      await this.#settle(work);
    } catch (cause) {
      const failure = toStoreError(cause, `do "${item}", which is owed`);
      this.#report(failure);
      if (isOutage(failure.cause)) await this.#takeBack(item, work);
    }
  }

  /** A try that was none. */
  async #takeBack(item: string, work: OwedWork): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.tries(partitionOf(work.type === "group" ? work.group : work.conversation));
    try {
      await keyspace.command(key, ["HINCRBY", key, item, "-1"], { deadlineMs });
    } catch (cause) {
      this.#report(toStoreError(cause, `take back a try of "${item}"`));
    }
  }

  /** That Redis does not answer is told by the connection. */
  #report(failure: StoreError): void {
    if (!isSilence(failure.cause)) this.#context.onError(failure, { during: "write" });
  }
}
