import type { Clock } from "../../async/mod.ts";
import { type RedisKeyspace, type RedisScript, taggedName } from "../../redis/mod.ts";
import { unavailable } from "./ask_queue.ts";
import { CLAIM_SCRIPT, LEASE_SCRIPT, RETIRE_SCRIPT } from "./presence_scripts.ts";

/** Durations in milliseconds, for {@linkcode ServerLeases}. */
export interface LeaseTiming {
  /** How old a lease may be. */
  readonly leaseMs: number;
  /** For how long who claimed a dead server may clear it away before another one does. */
  readonly claimMs: number;
}

/** Which servers live, as Redis knows it: each holds a lease that it renews. */
export class ServerLeases {
  readonly #keyspace: RedisKeyspace;
  readonly #timing: LeaseTiming;
  readonly #clock: Clock;
  readonly #servers: string;
  readonly #dying: string;
  /** The age of each server's lease when they were read. */
  #ages: ReadonlyMap<string, number> = new Map();
  #readAt = 0;
  #dyingCount = 0;

  constructor(keyspace: RedisKeyspace, prefix: string, timing: LeaseTiming, clock: Clock) {
    this.#keyspace = keyspace;
    this.#timing = timing;
    this.#clock = clock;
    this.#servers = prefix + taggedName("servers", "presence");
    this.#dying = prefix + taggedName("dying", "presence");
  }

  /** Whether some server, or some life of one, is to be cleared away. */
  get hasDead(): boolean {
    return this.#dyingCount > 0 || this.#ages.keys().some((server) => !this.isAlive(server));
  }

  /** Whether a server's lease is listed, whatever its age. */
  isListed(server: string): boolean {
    return this.#ages.has(server);
  }

  /** Whether a server's lease is young enough, as far as it was read. */
  isAlive(server: string): boolean {
    const age = this.#ages.get(server);
    return age !== undefined && age + (this.#clock.now() - this.#readAt) <= this.#timing.leaseMs;
  }

  /** Begins a lease. @throws {RedisError} */
  async join(server: string): Promise<void> {
    await this.#read("join", server);
  }

  /** @returns False when the server was taken for dead meanwhile: it must join under another name. @throws {RedisError} */
  renew(server: string): Promise<boolean> {
    return this.#read("renew", server);
  }

  /** Reads the leases. @throws {RedisError} */
  async look(): Promise<void> {
    await this.#read("look", "");
  }

  /** Ends a lease; some server will clear away what it holds. @throws {RedisError} */
  async retire(server: string): Promise<void> {
    await this.#run(RETIRE_SCRIPT, [server]);
  }

  /** A dead server that is ours to clear away. @throws {RedisError} */
  async claim(): Promise<string | undefined> {
    const { leaseMs, claimMs } = this.#timing;
    const claimed = await this.#run(CLAIM_SCRIPT, [`${leaseMs}`, `${claimMs}`]);
    return typeof claimed === "string" ? claimed : undefined;
  }

  /** A dead server has been cleared away. @throws {RedisError} */
  async forget(server: string): Promise<void> {
    await this.#keyspace.command(this.#dying, ["ZREM", this.#dying, server]);
  }

  async #read(verb: "join" | "renew" | "look", server: string): Promise<boolean> {
    // Before the answer: a lease looks older than it is rather than younger.
    const readAt = this.#clock.now();
    const [isIn, dyingCount, ...leases] = toList(await this.#run(LEASE_SCRIPT, [verb, server]));
    const ages = new Map<string, number>();
    for (let index = 0; index < leases.length; index += 2) {
      ages.set(String(leases[index]), Number(leases[index + 1]));
    }
    this.#ages = ages;
    this.#readAt = readAt;
    this.#dyingCount = Number(dyingCount);
    return isIn === 1;
  }

  #run(script: RedisScript, args: readonly string[]): Promise<unknown> {
    return this.#keyspace.script(script, [this.#servers, this.#dying], args);
  }
}

/** A script's answer, which is a list. */
export function toList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unavailable(`a script answered ${typeof reply}`);
}
