import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import { dial, type RedisModule, toRedisError } from "./client.ts";
import { newest, readView, type View } from "./cluster_view.ts";
import { RedisError, type RedisOptions } from "./contract.ts";
import { Link, type LinkUse } from "./link.ts";
import { SLOTS, type SlotRange } from "./slots.ts";
import { fixedTarget, type LinkTarget } from "./target.ts";
import type { RedisPlace } from "./url.ts";

/** What {@linkcode Cluster} needs. */
export interface ClusterOptions {
  readonly module: RedisModule;
  readonly place: Extract<RedisPlace, { readonly kind: "cluster" }>;
  readonly options: RedisOptions;
  /** What is done with the connections to a node, given as `HOST:PORT`. */
  useOf(address: string): LinkUse;
  /** Called when slots have another owner, with the nodes that lost some. */
  onMoved?(losers: ReadonlySet<ClusterNode>): void;
  /** Called when a connection was made anew. */
  onUp?(node: ClusterNode): void;
  /** Called when a node is no longer one of the Cluster's masters. */
  onEnded?(node: ClusterNode): void;
}

/** A master of a Cluster. */
export interface ClusterNode {
  readonly address: string;
  readonly link: Link;
  /** Until when it is kept without owning a slot: another node has named it. */
  keepUntil: number;
}

/** How often the map is read while all is well, and while part of the Cluster cannot be reached, in milliseconds. */
const REFRESH_MS = 2000;
const HURRY_MS = 250;
/** The least time between two readings, in milliseconds, however many commands are sent elsewhere. */
const LEAST_MS = 20;
/** The longest that a node may take to say how it sees the Cluster, in milliseconds; others are asked at the same time. */
const ANSWER_MS = 1000;
/** The same for one of the nodes in the address, where they are asked one after the other. */
const SEED_MS = 3000;
/** For how long a node that another one has named is kept without a slot, in milliseconds. */
const GUEST_MS = 30_000;

/**
 * Keeps one connection to every master of a Cluster, and knows which of them owns which slot: it reads the map again and again, and at
 * once when a node says that a slot is elsewhere or a connection is lost. What most of the nodes see last counts.
 */
export class Cluster {
  readonly #settings: ClusterOptions;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, ClusterNode>();
  /** By slot. */
  #owners: readonly (ClusterNode | undefined)[] = new Array(SLOTS).fill(undefined);
  #owning: ReadonlySet<ClusterNode> = new Set();
  /** Whether each slot has an owner. */
  #isCovered = false;
  readonly #closing = new AbortController();
  /** Links that are being closed. */
  readonly #ending = new Set<Promise<void>>();
  #isDue = false;
  #wakePause: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #lastFailure = "";

  private constructor(settings: ClusterOptions) {
    this.#settings = settings;
    this.#clock = settings.options.clock ?? systemClock;
  }

  /** Resolves when every master answers. @throws {RedisError} */
  static async open(settings: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(settings);
    try {
      await cluster.#begin();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get isUp(): boolean {
    if (this.#closing.signal.aborted || !this.#isCovered) return false;
    for (const { link } of this.#owning) if (!link.isUp) return false;
    return true;
  }

  /** The nodes that own slots. */
  owners(): ReadonlySet<ClusterNode> {
    return this.#owning;
  }

  /** The owner of a slot, as far as known. */
  owner(slot: number): ClusterNode | undefined {
    return this.#owners[slot];
  }

  /** A node that another one has named. */
  node(address: string): ClusterNode {
    const node = this.#nodes.get(address) ?? this.#add(address);
    node.keepUntil = this.#clock.now() + GUEST_MS;
    return node;
  }

  /** A node says that a slot is at another one. */
  moved(slot: number, address: string): ClusterNode {
    const node = this.node(address);
    if (this.#owners[slot] === node) return node;
    const before = this.#owners[slot];
    this.#setOwners(this.#owners.with(slot, node));
    this.refresh();
    if (before) this.#settings.onMoved?.(new Set([before]));
    return node;
  }

  /** Reads the map soon. */
  refresh(): void {
    this.#isDue = true;
    this.#wakePause?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wakePause?.();
    await this.#running;
    for (const node of this.#nodes.values()) this.#end(node);
    await Promise.all(this.#ending);
  }

  async #begin(): Promise<void> {
    const ranges = await this.#askSeeds();
    const addresses = new Set(ranges.map(({ owner }) => owner));
    const opening = [...addresses].map(async (address) => {
      const link = await Link.open(this.#settings.module, ...this.#partsOf(address));
      this.#nodes.set(address, { address, link, keepUntil: 0 });
    });
    const [failed] = (await Promise.allSettled(opening)).filter((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    this.#apply(ranges);
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#pause();
      if (this.#closing.signal.aborted) return;
      this.#isDue = false;
      try {
        this.#apply(await this.#ask());
        this.#lastFailure = "";
      } catch (error) {
        this.#report(toRedisError(this.#settings.module, error, "read the map of the Cluster"));
      }
    }
  }

  async #pause(): Promise<void> {
    await this.#sleep(LEAST_MS, false);
    if (!this.#isDue) await this.#sleep(this.isUp ? REFRESH_MS : HURRY_MS, true);
  }

  async #sleep(delayMs: number, isEndedByDue: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer: Timer = this.#clock.after(delayMs, resolve);
    this.#wakePause = () => {
      if (isEndedByDue || this.#closing.signal.aborted) resolve();
    };
    if (this.#closing.signal.aborted) resolve();
    await promise;
    timer.cancel();
    this.#wakePause = undefined;
  }

  /** Takes over a map; of ranges for one slot the last counts. */
  #apply(ranges: readonly SlotRange[]): void {
    const owners = [...this.#owners];
    for (const { start, end, owner } of ranges) {
      owners.fill(this.#nodes.get(owner) ?? this.#add(owner), start, end + 1);
    }
    const losers = new Set<ClusterNode>();
    for (const [slot, before] of this.#owners.entries()) {
      if (before && before !== owners[slot]) losers.add(before);
    }
    this.#setOwners(owners);
    const now = this.#clock.now();
    for (const node of this.#nodes.values()) {
      if (!this.#owning.has(node) && node.keepUntil <= now) this.#end(node);
    }
    if (losers.size > 0) this.#settings.onMoved?.(losers);
  }

  #setOwners(owners: readonly (ClusterNode | undefined)[]): void {
    this.#owners = owners;
    this.#owning = new Set(owners.filter((owner) => owner !== undefined));
    this.#isCovered = !owners.includes(undefined);
  }

  #add(address: string): ClusterNode {
    const link = Link.keep(this.#settings.module, ...this.#partsOf(address));
    const node = { address, link, keepUntil: 0 };
    this.#nodes.set(address, node);
    // Named by an answer that came while it was being closed.
    if (this.#closing.signal.aborted) this.#end(node);
    return node;
  }

  #end(node: ClusterNode): void {
    this.#nodes.delete(node.address);
    this.#settings.onEnded?.(node);
    const ending = node.link.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  #partsOf(address: string): [LinkTarget, LinkUse, RedisOptions] {
    const { place, useOf, options } = this.#settings;
    const linkOptions: RedisOptions = {
      ...options,
      recovery: { reconnect: { firstMs: 50, maxMs: 500 }, ...options.recovery },
      onDown: () => {
        this.refresh();
        options.onDown?.();
      },
      onUp: () => {
        const node = this.#nodes.get(address);
        if (node) this.#settings.onUp?.(node);
        options.onUp?.();
      },
    };
    return [fixedTarget(place.urlOf(address)), useOf(address), linkOptions];
  }

  /** The newest of what the nodes see that we are connected to; where none answers, of the seeds. */
  async #ask(): Promise<readonly SlotRange[]> {
    const connected = this.#nodes.values().filter(({ link }) => link.isUp);
    const asking = connected.map(({ address, link }) =>
      link.ask("read the map of the Cluster", (client) => readView(client, address), ANSWER_MS),
    );
    const views = (await Promise.allSettled(asking))
      .filter((result) => result.status === "fulfilled")
      .map(({ value }) => value);
    return newest(views) ?? (await this.#askSeeds());
  }

  /** What the first seed sees that answers. */
  async #askSeeds(): Promise<readonly SlotRange[]> {
    const { module, place, options } = this.#settings;
    const failures: Error[] = [];
    for (const seed of place.seeds) {
      this.#closing.signal.throwIfAborted();
      try {
        return await this.#askSeed(seed, Math.min(options.recovery?.connectMs ?? SEED_MS, SEED_MS));
      } catch (error) {
        failures.push(toRedisError(module, error, `connect to Redis at ${place.shownUrl}`));
      }
    }
    // One that answers and refuses says more than one that does not.
    throw failures.find((error) => error instanceof RedisError && error.code === "rejected") ?? failures[0];
  }

  async #askSeed(seed: string, connectMs: number): Promise<readonly SlotRange[]> {
    const seen = Promise.withResolvers<View>();
    const client = await dial(this.#settings.module, {
      url: this.#settings.place.urlOf(seed),
      connectMs,
      maxPending: 16,
      signal: this.#closing.signal,
      onLost: () => undefined,
      prepare: async (made) => seen.resolve(await readView(made, seed)),
    });
    client.destroy();
    return (await seen.promise).ranges;
  }

  /** The same failure again and again is told once. */
  #report(error: Error): void {
    if (error.message !== this.#lastFailure && !this.#closing.signal.aborted) {
      this.#settings.options.onError?.(error, { during: "connect" });
    }
    this.#lastFailure = error.message;
  }
}
