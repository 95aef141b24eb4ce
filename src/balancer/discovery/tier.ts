import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import { formatAddress, type TcpAddress } from "../../net/mod.ts";
import { type Announced, type Announcement, MAX_VIA, type Registry } from "../../registry/mod.ts";
import { isServingState } from "../connection/serving.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";
import { DiscoveryError, type DiscoveryReport } from "./error.ts";
import { firstReading } from "./first_reading.ts";
import { loopError, Topology } from "./topology.ts";

/** Options for {@linkcode announceTier}. */
export interface TierOptions {
  readonly registry: Registry;
  /** This balancer's own id, 1 to 128 visible characters of ASCII other than `>`. */
  readonly nodeId: string;
  /** Where it is announced. */
  readonly announced: {
    /** The pool of the balancers before it. */
    readonly pool: string;
    /** Where they reach it. */
    readonly address: TcpAddress;
    /** Set when it reads PROXY headers from them. */
    readonly proxy?: 2 | undefined;
  };
  /** The pools that its clients are sent to. */
  readonly pools: readonly Pool[];
  /** Those pools of the registry that `pools` are read from. */
  readonly serves: readonly string[];
  /** Told what goes wrong after the start. Must not throw. @default {ignored} */
  readonly onError?: DiscoveryReport | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** The announcement is changed so often at most, in milliseconds. */
const CHANGE_MS = 1000;
/** How long after an event it is looked what has changed, in milliseconds: many come together. */
const SETTLE_MS = 50;
/** The most that a backend may weigh. */
const MAX_WEIGHT = 1_000_000_000;

/** What changes while it is announced. */
type Standing = Pick<Announcement, "weight" | "capacity" | "draining"> & { readonly via: readonly string[] };

/**
 * Announces this balancer as a backend of the balancers before it, until disposed, which says goodbye.
 *
 * - Its capacity is what its healthy backends can hold together, and its weight is that too; where one of them does not say, the
 *   capacity is 0 and the weight the sum of the healthy backends' weights, so that balancers of one tier should have backends of one
 *   kind. Backups count only while nobody else is healthy. Without a healthy backend it is announced as draining.
 * - A change is announced within a second, and no two within one.
 * - `via` is its own id with everything behind the pools that it serves, used or not, so that a loop is seen at every place of it.
 *
 * Resolves when it is announced, or after 5 s while the registry is away; it goes on trying then.
 *
 * @throws {DiscoveryError} `loop`, with the way, when clients that are sent here could come back here: it serves the pool that it would
 *   be in, itself or through others. After the 5 s this is told to `onError`, and it is not announced.
 * @throws {RegistryError} `closed`.
 * @throws {TypeError} When the id, the pool's name or the address is none.
 */
export async function announceTier(options: TierOptions): Promise<AsyncDisposable> {
  const tier = new Tier(options);
  try {
    const starting = tier.start();
    if (!(await firstReading(starting, options.clock ?? systemClock))) starting.catch(tier.fail);
  } catch (error) {
    await tier[Symbol.asyncDispose]();
    throw error;
  }
  return tier;
}

class Tier implements AsyncDisposable {
  readonly #options: TierOptions;
  readonly #clock: Clock;
  readonly #topology = new Topology();
  readonly #watches: Disposable[] = [];
  #registryWatch: AsyncDisposable | undefined;
  #announced: Announced | undefined;
  #said: Standing | undefined;
  #changedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  /** When the timer fires. */
  #dueAt = Number.POSITIVE_INFINITY;
  #hasTooMany = false;
  #isStopped = false;

  constructor(options: TierOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async start(): Promise<void> {
    const { registry, nodeId, announced, serves, pools } = this.#options;
    const watch = await registry.watch({
      joined: (announcement) => this.#see(announcement),
      changed: (announcement) => this.#see(announcement),
      left: (id) => {
        this.#topology.leave(id);
        this.#lookSoon();
      },
    });
    this.#registryWatch = watch;
    if (await this.#hasStopped()) return;
    const loop = this.#topology.findLoop(nodeId, serves, announced.pool);
    if (loop) throw loopError(`announce this balancer into pool "${announced.pool}"`, loop);
    this.#said = this.#standing();
    this.#announced = await registry.announce({
      id: `${nodeId}-${crypto.randomUUID().slice(0, 8)}`,
      startedAt: this.#clock.wallNow(),
      tcp: formatAddress(announced.address),
      pool: announced.pool,
      ...(announced.proxy && { proxy: announced.proxy }),
      serves,
      ...this.#said,
    });
    if (await this.#hasStopped()) return;
    const look = this.#lookSoon;
    for (const pool of pools)
      this.#watches.push(pool.watch({ onAdd: look, onRemove: look, onState: look, onConfigure: look }));
    this.#lookIn(SETTLE_MS);
  }

  /** It will not be announced, unless it was told to stop. */
  readonly fail = (error: unknown): void => {
    if (!this.#isStopped) this.#options.onError?.(error, { during: "announce this balancer" });
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const watch of this.#watches) watch[Symbol.dispose]();
    await this.#announced?.[Symbol.asyncDispose]();
    await this.#registryWatch?.[Symbol.asyncDispose]();
  }

  /** Ends what came after the stop. */
  async #hasStopped(): Promise<boolean> {
    if (this.#isStopped) await this[Symbol.asyncDispose]();
    return this.#isStopped;
  }

  #see(announcement: Announcement): void {
    this.#topology.see(announcement);
    this.#lookSoon();
  }

  /** Looks again after that time, or when a look that was set before is due earlier. */
  #lookIn(delayMs: number): void {
    const dueAt = this.#clock.now() + delayMs;
    if (!this.#announced || this.#isStopped || dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#look();
      // What no event tells, such as another weight, is seen then.
      this.#lookIn(CHANGE_MS);
    });
  }

  /** Something has happened: looks as soon as the next change may be announced, once for all that happens until then. */
  readonly #lookSoon = (): void => {
    this.#lookIn(Math.max(SETTLE_MS, this.#changedAt + CHANGE_MS - this.#clock.now()));
  };

  /** Announces what has changed. */
  #look(): void {
    const standing = this.#standing();
    if (JSON.stringify(standing) === JSON.stringify(this.#said)) return;
    this.#said = standing;
    this.#changedAt = this.#clock.now();
    this.#announced?.update(standing);
  }

  #standing(): Standing {
    return { ...strengthOf(this.#options.pools), via: this.#via() };
  }

  #via(): string[] {
    const { nodeId, serves } = this.#options;
    const via = [...new Set([nodeId, ...this.#topology.behind(serves)])];
    if (via.length > MAX_VIA && !this.#hasTooMany) {
      const message = `Cannot announce all ${via.length} balancers behind this one: ${MAX_VIA} are the most, so that loops may be missed`;
      this.fail(new DiscoveryError("full", message));
    }
    this.#hasTooMany = via.length > MAX_VIA;
    return via.slice(0, MAX_VIA);
  }
}

/** What pools can take together. */
function strengthOf(pools: readonly Pool[]): Omit<Standing, "via"> {
  const healthy = pools.flatMap((pool) => (pool.isDraining ? [] : healthyOf(pool)));
  const capacity = sum(healthy.map(capacityOf));
  if (capacity > 0) return { weight: Math.min(MAX_WEIGHT, capacity), capacity, draining: false };
  const weight = sum(healthy.map((backend) => backend.weight));
  return { weight: Math.min(MAX_WEIGHT, weight), capacity: 0, draining: healthy.length === 0 };
}

/** The backends that take clients now: the regular ones, or the backups where there is no such. */
function healthyOf(pool: Pool): Backend[] {
  const healthy = Array.from(pool.backends()).filter((backend) => {
    return isServingState(backend.state()) && backend.health.verdict !== "new" && backend.weight > 0;
  });
  const regular = healthy.filter(({ backup }) => !backup);
  return regular.length > 0 ? regular : healthy;
}

/** NaN where it does not say: no sum over it is one. */
function capacityOf({ reported, maxConnections }: Backend): number {
  // A server that announces 0 says nothing.
  if (reported?.capacity) return reported.capacity;
  return Number.isFinite(maxConnections) ? maxConnections : Number.NaN;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
