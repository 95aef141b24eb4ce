import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import { parseAddress } from "../../net/mod.ts";
import type { Announcement, Registry, RegistryHandler } from "../../registry/mod.ts";
import { DiscoveryError, type DiscoveryReport } from "./error.ts";
import { firstReading } from "./first_reading.ts";
import type { MemberSpec, Membership } from "./membership.ts";
import { addressFor, loopError, Topology } from "./topology.ts";

/** Options for {@linkcode watchRegistry}. */
export interface RegistrySourceOptions {
  readonly registry: Registry;
  readonly membership: Membership;
  /** Whose announcements: those for this pool; for `web`, the `web` address of chat servers. @default {the pool's own name} */
  readonly poolName?: string | undefined;
  /** This balancer's own id: who would send clients back to it is not used. @default {nobody is refused} */
  readonly nodeId?: string | undefined;
  /** Told what cannot be used: an announcement without a usable address, one that leads back here. Must not throw. @default {ignored} */
  readonly onError?: DiscoveryReport | undefined;
  /** The source's name. @default {registry} */
  readonly source?: string | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** How often expired ones are looked at again, in milliseconds. */
const RECHECK_MS = 1000;

interface Found {
  readonly id: string;
  /** The backend's name: where it is reached. */
  readonly name: string;
  readonly spec: MemberSpec;
  readonly startedAt: number | undefined;
  isExpired: boolean;
}

/**
 * Keeps in a pool who announces itself in a registry. Resolves after the first reading, or after 5 s without one, and goes on trying
 * then. Disposing leaves the pool as it is.
 *
 * - One that says goodbye is named no longer: without connections it leaves the pool at once, with some it drains.
 * - One whose lease has expired is named until its heartbeat says `down`, too: the registry may be wrong about who lives, and a registry
 *   that was emptied empties no pool.
 * - Of several at one address the one that started last counts, as a fresh backend: what others say or read late does not touch it.
 *   When it leaves or its lease has expired, the next one of those that are still there takes its place.
 * - One through which clients would come back to this balancer is never used, and is reported once with the way that they would take.
 *
 * @throws {RegistryError} `closed`.
 */
export async function watchRegistry(options: RegistrySourceOptions): Promise<AsyncDisposable> {
  const source = new RegistrySource(options);
  const reading = source.watch();
  if (!(await firstReading(reading, options.clock ?? systemClock))) reading.catch(source.fail);
  source.start();
  return source;
}

class RegistrySource implements RegistryHandler, AsyncDisposable {
  readonly #options: RegistrySourceOptions;
  readonly #clock: Clock;
  readonly #source: string;
  readonly #topology = new Topology();
  readonly #found = new Map<string, Found>();
  /** The same by their names and ids, in the order in which they came. One that has expired is alone. */
  readonly #byName = new Map<string, Map<string, Found>>();
  /** Who cannot be used, so that it is reported once. */
  readonly #refused = new Set<string>();
  /** The reports that wait for the first reading. */
  #unreported: (() => void)[] = [];
  #watch: AsyncDisposable | undefined;
  #timer: Timer | undefined;
  #hasTakenOver = false;
  #isStopped = false;

  constructor(options: RegistrySourceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#source = options.source ?? "registry";
  }

  /** Resolves after the first reading. */
  async watch(): Promise<void> {
    const watch = await this.#options.registry.watch(this);
    this.#watch = watch;
    if (this.#isStopped) {
      await watch[Symbol.asyncDispose]();
      return;
    }
    this.#takeOver();
    for (const report of this.#unreported) report();
    this.#unreported = [];
  }

  /** Looks at those that have expired, again and again. */
  start(): void {
    this.#timer = this.#clock.after(RECHECK_MS, () => {
      this.#recheck();
      this.start();
    });
  }

  /** Nothing will be read, unless it was told to stop. */
  readonly fail = (error: unknown): void => {
    if (!this.#isStopped) this.#options.onError?.(error, { during: "watch the registry" });
  };

  joined(announcement: Announcement): void {
    this.changed(announcement);
  }

  changed(announcement: Announcement): void {
    if (this.#isStopped) return;
    this.#topology.see(announcement);
    const name = this.#nameFor(announcement);
    const known = this.#found.get(announcement.id);
    if (known && known.name !== name) this.#forget(known);
    if (name !== undefined) this.#use(name, announcement);
  }

  left(id: string, reason: "goodbye" | "expired"): void {
    if (this.#isStopped) return;
    this.#topology.leave(id);
    this.#refused.delete(id);
    const found = this.#found.get(id);
    if (!found) return;
    const isAlone = this.#byName.get(found.name)?.size === 1;
    if (reason === "expired" && isAlone) found.isExpired = true;
    else this.#forget(found);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  /** Where it is reached; undefined when it is not for this pool or cannot be used. */
  #nameFor(announcement: Announcement): string | undefined {
    const { membership, poolName = membership.pool.name } = this.#options;
    const name = addressFor(announcement, poolName);
    if (name === undefined) return undefined;
    if (!this.#isLoop(announcement) && typeof parseAddress(name) !== "string") {
      this.#refused.delete(announcement.id);
      return name;
    }
    if (this.#refused.has(announcement.id)) return undefined;
    this.#refused.add(announcement.id);
    // The way through others is known once all have been read.
    if (this.#watch) this.#report(announcement, name);
    else this.#unreported.push(() => this.#report(announcement, name));
    return undefined;
  }

  #isLoop({ via }: Announcement): boolean {
    const { nodeId } = this.#options;
    return nodeId !== undefined && via?.includes(nodeId) === true;
  }

  #report(announcement: Announcement, name: string): void {
    const { id } = announcement;
    const { nodeId = "" } = this.#options;
    const address = parseAddress(name);
    const error = this.#isLoop(announcement)
      ? loopError(`add backend ${name}`, [nodeId, ...this.#topology.pathFrom(announcement, nodeId)])
      : new DiscoveryError("invalid", `Cannot add backend ${name} of ${id}: ${address}`);
    this.#options.onError?.(error, { during: `discover ${id}` });
  }

  #use(name: string, { id, startedAt, weight, draining, proxy }: Announcement): void {
    const address = parseAddress(name);
    if (typeof address === "string") return;
    const admin = draining ? "draining" : "enabled";
    const spec: MemberSpec = { name, address, weight, admin, proxy, incarnation: id };
    const found = { id, name, spec, startedAt, isExpired: false };
    const here = this.#byName.get(name) ?? new Map<string, Found>();
    const before = latest(here.values());
    if (before?.isExpired) {
      here.delete(before.id);
      this.#found.delete(before.id);
    }
    this.#found.set(id, found);
    this.#byName.set(name, here.set(id, found));
    this.#settle(name, before);
  }

  /**
   * Names those who were found in place of those whom an earlier source of this name has left behind. Not before somebody was found: a
   * registry that is empty removes nobody.
   */
  #takeOver(): void {
    if (this.#found.size === 0) return;
    this.#hasTakenOver = true;
    const current = this.#byName.values().map((here) => latest(here.values()));
    this.#options.membership.update(
      this.#source,
      current.flatMap((found) => (found ? [found.spec] : [])),
    );
  }

  #forget({ id, name }: Found): void {
    const here = this.#byName.get(name);
    if (!here) return;
    const before = latest(here.values());
    this.#found.delete(id);
    here.delete(id);
    if (here.size === 0) this.#byName.delete(name);
    this.#settle(name, before);
  }

  /** Brings a name in line with who counts there now. @param before Who counted until now. */
  #settle(name: string, before: Found | undefined): void {
    const current = latest(this.#byName.get(name)?.values() ?? []);
    if (current === before) return;
    const { membership } = this.#options;
    if (!current) membership.drop(this.#source, name);
    else if (this.#hasTakenOver) membership.put(this.#source, current.spec);
    else if (this.#watch) this.#takeOver();
  }

  #recheck(): void {
    const { pool } = this.#options.membership;
    for (const found of this.#found.values()) {
      const backend = pool.find(found.name);
      if (found.isExpired && (!backend || backend.health.verdict === "down")) this.#forget(found);
    }
  }
}

/** Who counts of those at one address. Not by the order in which they are read, which each balancer has its own of. */
function latest(here: Iterable<Found>): Found | undefined {
  let best: Found | undefined;
  for (const found of here) if (!best || isLater(found, best)) best = found;
  return best;
}

/** Whether one counts rather than another that came before it. Those that do not say when they started can only be told by that. */
function isLater(found: Found, other: Found): boolean {
  const [one, two] = [found.startedAt ?? -1, other.startedAt ?? -1];
  if (one !== two) return one > two;
  return found.startedAt === undefined || found.id > other.id;
}
