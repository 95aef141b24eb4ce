import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import { connectKeyspace, PARTITIONS, type RedisKeyspace } from "../../redis/mod.ts";
import { type Ask, AskQueue, unavailable } from "./ask_queue.ts";
import { type Presence, PresenceError, type PresenceOptions } from "./contract.ts";
import { reportGone } from "./report_gone.ts";
import { type LeaseTiming, ServerLeases } from "./server_leases.ts";
import { UserHolders } from "./user_holders.ts";

/** Durations in milliseconds, for {@linkcode redisPresence}. */
export interface PresenceTiming extends LeaseTiming {
  /** How often a lease is renewed and those of others are looked at; a fifth of it is random. */
  readonly beatMs: number;
  /** For how long after Redis came back no server counts as dead. */
  readonly graceMs: number;
}

/** Options for {@linkcode redisPresence}. */
export type RedisPresenceOptions = PresenceOptions & {
  /** What every key begins with. @default {"chorus:"} */
  readonly prefix?: string;
  /** @default {PRESENCE_TIMING} */
  readonly timing?: Partial<PresenceTiming>;
} & (
    | {
        /** As {@linkcode connectKeyspace} takes it. */
        readonly url: string;
        /** As {@linkcode connectKeyspace} takes it: aborted when the process is about to end. @default {never} */
        readonly ending?: AbortSignal | undefined;
      }
    | {
        /** Stays the caller's, who closes it later. */
        readonly keyspace: RedisKeyspace;
      }
  );

/** Lives of one server that are kept at once; more mean that Redis takes names but not users. */
const MAX_FORMER = 4;

/** The default of {@linkcode RedisPresenceOptions}: within {@linkcode GONE_MS}, even when the server that clears away another one dies, too. */
export const PRESENCE_TIMING: PresenceTiming = {
  leaseMs: 5000,
  beatMs: 1000,
  graceMs: 10_000,
  claimMs: 3000,
};

/**
 * Connects the presence of one server of a cluster to a Redis of any kind.
 *
 * - A server lives as long as it renews its lease. When it does not, one that lives takes its users off it and tells of those who are
 *   nowhere else.
 * - When Redis was away, or a server was taken for dead in error, the server begins a new life: it writes all that it holds under a new
 *   name, and its old one is cleared away like a dead server. So nothing is lost, and nothing that is outdated stays.
 * - While Redis is away, and for a while after that, nobody counts as dead.
 *
 * @example A user who is seen from another server
 * ```ts
 * import assert from "node:assert/strict";
 * import { redisPresence } from "chorus";
 *
 * const options = { url: "redis://127.0.0.1:6379", onGone: () => undefined, onError: console.error };
 * await using here = await redisPresence({ server: "s1", ...options });
 * await using there = await redisPresence({ server: "s2", ...options });
 * assert.equal(await here.arrive("ada"), true);
 * assert.equal(await there.arrive("ada"), false);
 * assert.deepEqual([...(await there.online(["ada", "ben"]))], ["ada"]);
 * ```
 *
 * @throws {PresenceError} When Redis does not answer.
 * @throws {TypeError} When the server's name has a line break.
 */
export async function redisPresence(options: RedisPresenceOptions): Promise<Presence> {
  if (options.server.includes("\n")) {
    throw new TypeError("Cannot open presence: a server's name must have no line break");
  }
  const keyspace = "keyspace" in options ? options.keyspace : await connect(options);
  const isOwn = !("keyspace" in options);
  const presence = new OverRedis(keyspace, options, isOwn);
  try {
    await presence.open();
    return presence;
  } catch (error) {
    if (isOwn) await keyspace.close();
    throw error;
  }
}

async function connect(
  options: PresenceOptions & { readonly url: string; readonly ending?: AbortSignal | undefined },
): Promise<RedisKeyspace> {
  const { url, clock = systemClock, onError, ending } = options;
  try {
    return await connectKeyspace(url, {
      clock,
      ending,
      onError: (error) => onError(error, { during: "connection" }),
    });
  } catch (cause) {
    throw toPresenceError(cause);
  }
}

class OverRedis implements Presence {
  readonly #keyspace: RedisKeyspace;
  readonly #options: PresenceOptions;
  readonly #isOwn: boolean;
  readonly #timing: PresenceTiming;
  readonly #clock: Clock;
  readonly #leases: ServerLeases;
  readonly #holders: UserHolders;
  readonly #queue = new AskQueue((asks) => this.#carryOut(asks));
  /** The truth of this server, which Redis is made to agree with. */
  readonly #held = new Set<string>();
  /** The name of this life, and which histories Redis was writing when it began. */
  #life = "";
  #lives = 0;
  /** Earlier lives, kept alive until the present one is written in full. */
  readonly #former = new Set<string>();
  #history = "";
  /** Whether Redis may not have what it was given. */
  #isDoubtful = false;
  #isAway = false;
  /** From when on servers without a lease may be cleared away; until then, after Redis was away, old leases count as well. */
  #clearFrom = 0;
  #isLenient = false;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    keyspace: RedisKeyspace,
    options: PresenceOptions & { readonly prefix?: string; readonly timing?: Partial<PresenceTiming> },
    isOwn: boolean,
  ) {
    const { prefix = "chorus:", timing, clock = systemClock } = options;
    this.#keyspace = keyspace;
    this.#options = options;
    this.#isOwn = isOwn;
    this.#timing = { ...PRESENCE_TIMING, ...timing };
    this.#clock = clock;
    this.#leases = new ServerLeases(keyspace, prefix, this.#timing, clock);
    this.#holders = new UserHolders(keyspace, prefix);
  }

  /** Begins the first life. To be called once. */
  async open(): Promise<void> {
    try {
      await this.#beginLife(this.#readHistory());
    } catch (cause) {
      throw toPresenceError(cause);
    }
    // Redis may have been away for the others until now.
    this.#clearFrom = this.#clock.now() + this.#timing.leaseMs;
    this.#schedule();
  }

  async arrive(user: string): Promise<boolean> {
    this.#held.add(user);
    const [isFirst = true] = await this.#queue.ask("+", [user]);
    return isFirst;
  }

  async leave(user: string): Promise<boolean> {
    this.#held.delete(user);
    const [isLast = true] = await this.#queue.ask("-", [user]);
    return isLast;
  }

  async online(users: readonly string[]): Promise<ReadonlySet<string>> {
    const asked = users.filter((user) => !this.#held.has(user));
    const answers = asked.length > 0 ? await this.#queue.ask("?", asked) : [];
    const found = new Set(asked.filter((_, index) => answers[index]));
    return new Set(users.filter((user) => this.#held.has(user) || found.has(user)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #carryOut(asks: readonly Ask[]): Promise<readonly (readonly boolean[] | PresenceError)[]> {
    try {
      const answers = await this.#holders.ask(this.#life, asks);
      const others = answers.map((holders) => (holders instanceof Error ? holders : this.#othersOf(holders)));
      if (others.some((holders) => holders instanceof Error)) this.#isDoubtful = true;
      const named = others.flatMap((holders) => (holders instanceof Error ? [] : holders.flat()));
      // A server that began to live after the leases were read, or a dead one whose users nobody has taken yet.
      if (named.some((server) => !this.#leases.isAlive(server))) await this.#leases.look();
      return asks.map(({ kind, users }, index) => {
        const holders = others[index] ?? [];
        if (holders instanceof Error) return toPresenceError(holders);
        return users.map((_, place) => {
          const isElsewhere = holders[place]?.some((server) => this.#isAlive(server)) ?? false;
          return kind === "?" ? isElsewhere : !isElsewhere;
        });
      });
    } catch (cause) {
      this.#isDoubtful = true;
      throw toPresenceError(cause);
    }
  }

  #othersOf(holders: readonly (readonly string[])[]): readonly (readonly string[])[] {
    return holders.map((servers) => servers.filter((server) => !this.#isMine(server)));
  }

  #isMine(server: string): boolean {
    return server.startsWith(`${this.#options.server}\t`);
  }

  #isAlive(server: string): boolean {
    return this.#isLenient ? this.#leases.isListed(server) : this.#leases.isAlive(server);
  }

  /** Whether what Redis has can be believed: all of it can be reached, and has what this server wrote. */
  #isSure(): boolean {
    return this.#keyspace.isUp && !this.#isDoubtful;
  }

  #schedule(): void {
    const delayMs = this.#timing.beatMs * (0.8 + 0.2 * Math.random());
    this.#timer = this.#clock.after(delayMs, () => {
      this.#beating = this.#beat();
    });
  }

  /** Never rejects. */
  async #beat(): Promise<void> {
    try {
      await this.#keepLife();
      this.#isAway = false;
      if (this.#clock.now() >= this.#clearFrom && this.#isSure()) {
        this.#isLenient = false;
        if (this.#leases.hasDead) await this.#clearDead();
      }
    } catch (cause) {
      this.#isDoubtful = true;
      if (!this.#isAway) this.#options.onError(toPresenceError(cause), { during: "presence" });
      this.#isAway = true;
    }
    if (!this.#closed) this.#schedule();
  }

  async #keepLife(): Promise<void> {
    const history = this.#readHistory();
    for (const former of this.#former) await this.#leases.renew(former);
    const isAlive = await this.#leases.renew(this.#life);
    if (isAlive && !this.#isDoubtful && history === this.#history) return;
    if (!this.#keyspace.isUp) {
      // Until every part can be written again the old life goes on.
      if (isAlive) return;
      throw unavailable("a part of Redis is away");
    }
    this.#isDoubtful = false;
    await this.#beginLife(history);
    // Somebody may have cleared away the life before.
    if (!isAlive && this.#held.size > 0) this.#options.onBack?.([...this.#held]);
    this.#clearFrom = this.#clock.now() + this.#timing.graceMs;
    this.#isLenient = true;
  }

  /** Writes everything that is held under a new name, then gives up the old one: so nobody is missed on the way. */
  async #beginLife(history: string): Promise<void> {
    if (this.#former.size < MAX_FORMER) {
      this.#lives += 1;
      const life = `${this.#options.server}\t${this.#lives}`;
      await this.#leases.join(life);
      if (this.#life !== "") this.#former.add(this.#life);
      this.#life = life;
    }
    if (this.#held.size > 0) await this.#queue.ask("+", [...this.#held]);
    for (const former of this.#former) await this.#leases.retire(former);
    this.#former.clear();
    this.#history = history;
  }

  /** Clears away what dead servers held: one after the other, as long as there are some that nobody else has claimed. */
  async #clearDead(): Promise<void> {
    const onGone = (users: readonly string[]): void => reportGone(users, this.#held, this.#options);
    while (!this.#closed) {
      const server = await this.#leases.claim();
      if (server === undefined) return;
      await this.#holders.clear(server, onGone);
      await this.#leases.forget(server);
    }
  }

  /** All histories that Redis is writing, as one word. */
  #readHistory(): string {
    const histories = Array.from({ length: PARTITIONS }, (_, number) =>
      this.#keyspace.history(`{${number < 10 ? "0" : ""}${number}}`),
    );
    return [...new Set(histories)].join();
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    await this.#beating;
    await this.#queue.close();
    try {
      // Whoever is still held is gone now, and another server tells of it.
      for (const life of [...this.#former, this.#life]) await this.#leases.retire(life);
    } catch (cause) {
      this.#options.onError(toPresenceError(cause), { during: "close" });
    }
    if (this.#isOwn) await this.#keyspace.close();
  }
}

function toPresenceError(cause: unknown): PresenceError {
  if (cause instanceof PresenceError) return cause;
  return unavailable(cause instanceof Error ? cause.message : String(cause), { cause });
}
