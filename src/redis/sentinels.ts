import type { Clock } from "../async/mod.ts";
import { dial, type RedisModule, toRedisError } from "./client.ts";
import { type RedisClient, RedisError } from "./contract.ts";
import type { LinkTarget } from "./target.ts";
import type { RedisPlace } from "./url.ts";

/** What {@linkcode Sentinels} needs. */
export interface SentinelsOptions {
  readonly module: RedisModule;
  readonly place: Extract<RedisPlace, { readonly kind: "sentinel" }>;
  readonly clock: Clock;
}

/** The master that is believed in. */
interface Known {
  readonly master: string;
  readonly epoch: number;
  readonly at: number;
}

/** What one sentinel says. */
interface Answer {
  readonly client: RedisClient;
  /** The master as `HOST:PORT`. */
  readonly master: string;
  /** The larger, the newer. */
  readonly epoch: number;
}

/** How long a sentinel may take, in milliseconds; others are asked at the same time. */
const ANSWER_MS = 3000;
/** For how long sentinels may not have heard yet what another one has told, in milliseconds. */
const SPREAD_MS = 20_000;

/**
 * Finds the master by asking the sentinels, and hears from one of them when another server becomes it. For one link.
 */
export class Sentinels implements LinkTarget {
  readonly shownUrl: string;
  readonly #module: RedisModule;
  readonly #place: SentinelsOptions["place"];
  readonly #closing = new AbortController();
  readonly #clock: Clock;
  #known: Known | undefined;
  /** The sentinel that tells us of changes. */
  #watched: RedisClient | undefined;
  /** Asking without a link that waits for it. */
  #looking: Promise<void> | undefined;
  #onMoved: ((url: string) => void) | undefined;

  constructor({ module, place, clock }: SentinelsOptions) {
    this.#clock = clock;
    this.#module = module;
    this.#place = place;
    this.shownUrl = place.shownUrl;
  }

  async find(signal: AbortSignal, onMoved: (url: string) => void): Promise<string> {
    this.#onMoved = onMoved;
    return this.#place.urlOf(await this.#ask(signal), "server");
  }

  /** Without a sentinel that tells us, all are asked again. */
  look(): void {
    if (this.#watched || this.#looking || this.#closing.signal.aborted) return;
    this.#looking = this.#ask(this.#closing.signal).then(
      (master) => this.#tell(master),
      // The server still answers; that no sentinel does is seen again at the next look.
      () => undefined,
    );
    void this.#looking.finally(() => {
      this.#looking = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const watched = this.#watched;
    this.#watched = undefined;
    watched?.destroy();
    await this.#looking;
  }

  #tell(master: string): void {
    this.#onMoved?.(this.#place.urlOf(master, "server"));
  }

  /** The newest of what more than half of the sentinels say, or of all that answer. */
  async #ask(signal: AbortSignal): Promise<string> {
    const { seeds } = this.#place;
    const answers: Answer[] = [];
    const failures: Error[] = [];
    const enough = Promise.withResolvers<void>();
    const asking = seeds.map(async (seed) => {
      try {
        answers.push(await this.#askOne(seed, signal));
      } catch (error) {
        failures.push(toRedisError(this.#module, error, `ask the sentinel at ${seed}`));
      }
      if (answers.length > seeds.length / 2) enough.resolve();
    });
    const all = Promise.all(asking);
    await Promise.race([all, enough.promise]);
    const [newest] = answers.toSorted((one, other) => other.epoch - one.epoch);
    const found = [...answers];
    // Those that answer later are not needed.
    void all.then(() => this.#release(answers.slice(found.length)));
    if (newest?.client.isReady && !this.#closing.signal.aborted) {
      // The one before may be frozen and would tell nothing.
      const before = this.#watched;
      this.#watched = newest.client;
      before?.destroy();
    }
    this.#release(found);
    if (newest) return this.#believe(newest);
    // One that answers and refuses says more than one that does not.
    throw failures.find((error) => error instanceof RedisError && error.code === "rejected") ?? failures[0];
  }

  /** What is older than what we know is not believed while news spread: it would lead back to a master that has been replaced. */
  #believe({ master, epoch }: Answer): string {
    const now = this.#clock.now();
    const known = this.#known;
    if (known && epoch <= known.epoch && now - known.at < SPREAD_MS) return known.master;
    this.#known = { master, epoch, at: now };
    return master;
  }

  async #askOne(seed: string, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#dial(this.#place.urlOf(seed, "sentinel"), signal);
    } catch (error) {
      // A sentinel has a password of its own or none: one that has none refuses to be given one.
      if (!(error instanceof this.#module.ErrorReply && error.message.startsWith("NOAUTH"))) throw error;
      return await this.#dial(this.#place.urlOf(seed, "sentinel_with_password"), signal);
    }
  }

  async #dial(url: string, signal: AbortSignal): Promise<Answer> {
    const { name } = this.#place;
    let answer: Omit<Answer, "client"> | undefined;
    const client = await dial(this.#module, {
      url,
      connectMs: ANSWER_MS,
      maxPending: 16,
      signal,
      onLost: (lost) => this.#lose(lost),
      prepare: async (made) => {
        await made.subscribe("+switch-master", (message) => this.#onSwitch(message));
        // The address by a later question: while a sentinel moves the replicas, "MASTER" has the new epoch and still the old address.
        answer = readAnswer(
          await Promise.all([
            made.sendCommand(["SENTINEL", "MASTER", name]),
            made.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]),
          ]),
        );
      },
    });
    if (answer) return { client, ...answer };
    client.destroy();
    throw new RedisError("rejected", "Cannot ask the sentinel: its answer has another form");
  }

  /** `NAME OLD-HOST OLD-PORT HOST PORT`. */
  #onSwitch(message: string): void {
    const [name, , , host = "", port] = message.split(" ");
    if (name !== this.#place.name) return;
    const master = toAddress(host, port);
    // Its epoch is not told: it is larger than the last one, and answers that are not are older than this.
    this.#known = { master, epoch: this.#known?.epoch ?? 0, at: this.#clock.now() };
    this.#tell(master);
  }

  #lose(client: RedisClient): void {
    if (this.#watched !== client) return;
    this.#watched = undefined;
    queueMicrotask(() => client.destroy());
  }

  #release(answers: readonly Answer[]): void {
    for (const { client } of answers) if (client !== this.#watched) client.destroy();
  }
}

function readAnswer([state, address]: readonly [unknown, unknown]): Omit<Answer, "client"> | undefined {
  if (typeof state !== "object" || state === null || !Array.isArray(address)) return undefined;
  const { "config-epoch": epoch } = Object.fromEntries(Object.entries(state));
  const [host, port]: readonly unknown[] = address;
  if (typeof host !== "string" || port === undefined) return undefined;
  return { master: toAddress(host, port), epoch: Number(epoch) };
}

function toAddress(host: string, port: unknown): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
