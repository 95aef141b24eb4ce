import {
  type BackoffOptions,
  backoff,
  type Clock,
  systemClock,
  type Timer,
  wait,
  withDeadline,
} from "../async/mod.ts";
import { dial, finish, isNoMaster, type RedisModule, toRedisError } from "./client.ts";
import { type RedisClient, RedisError, type RedisOptions } from "./contract.ts";
import { MAX_UNANSWERED, paceOf } from "./pace.ts";
import { checkServer, type LinkServer, type LinkTarget } from "./target.ts";
import { showUrl } from "./url.ts";

/** What a kind of connection does with each client that its link makes. */
export interface LinkUse {
  /** A server that is something else is taken for one that cannot be reached. */
  readonly server: LinkServer;
  /** Makes a new client ready for use; until it resolves the link is not up. */
  prepare(client: RedisClient): Promise<unknown>;
  /** Resolves when the connection has shown that it works. */
  probe(client: RedisClient): Promise<unknown>;
}

interface Up {
  readonly name: "up";
  readonly client: RedisClient;
  readonly url: string;
}

type Phase = Up | { readonly name: "down"; readonly since: Error } | { readonly name: "closed" };

const RECONNECT: BackoffOptions = { firstMs: 50, maxMs: 2000 };

/**
 * Keeps one connection to Redis: probes it and, when it is lost or dead, makes another one. Each is a client of its own, so
 * that nothing of an old connection can come out of a new one.
 */
export class Link {
  readonly #target: LinkTarget;
  readonly #use: LinkUse;
  readonly #options: RedisOptions;
  readonly #module: RedisModule;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #phase: Phase = { name: "down", since: new Error("not connected yet") };
  #unanswered = 0;
  #probeTimer: Timer | undefined;
  #redialing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(target: LinkTarget, use: LinkUse, options: RedisOptions, module: RedisModule) {
    this.#target = target;
    this.#use = use;
    this.#options = options;
    this.#module = module;
    this.#clock = options.clock ?? systemClock;
    const { signal } = this.#closing;
    options.ending?.addEventListener("abort", () => this.#hurry(), { once: true, signal });
  }

  /**
   * Connects once.
   *
   * @throws {RedisError} What kept it from connecting within the deadline.
   */
  static async open(
    module: RedisModule,
    target: LinkTarget,
    use: LinkUse,
    options: RedisOptions,
  ): Promise<Link> {
    const link = new Link(target, use, options, module);
    try {
      link.#rise(await link.#dial(), undefined);
    } catch (error) {
      await link.close();
      throw error;
    }
    return link;
  }

  /** Makes a link that is down and goes on trying to connect; `onUp` tells when it has. */
  static keep(module: RedisModule, target: LinkTarget, use: LinkUse, options: RedisOptions): Link {
    const link = new Link(target, use, options, module);
    link.#redialing = link.#redial();
    return link;
  }

  /** The address without its password. */
  get shownUrl(): string {
    return this.#target.shownUrl;
  }

  get isUp(): boolean {
    return this.#phase.name === "up";
  }

  get deadlineMs(): number {
    return this.#options.deadlineMs ?? 5000;
  }

  get module(): RedisModule {
    return this.#module;
  }

  /**
   * The client of the connection that is up.
   *
   * @throws {RedisError} `unreachable` or `closed`.
   */
  get client(): RedisClient {
    if (this.#phase.name === "up") return this.#phase.client;
    throw this.#away("use Redis");
  }

  /**
   * Does `work` with the client, within a deadline. What was sent is not taken back when the deadline is over.
   *
   * @param action As in "Cannot `action`: …".
   * @throws {RedisError}
   */
  async ask<T>(
    action: string,
    work: (client: RedisClient) => Promise<T>,
    deadlineMs: number = this.deadlineMs,
  ): Promise<T> {
    try {
      return await withDeadline(this.run(action, work), deadlineMs, action, this.#clock);
    } catch (error) {
      throw this.translate(error, action);
    }
  }

  /** Does `work` with the client, without a deadline. As {@linkcode ask} otherwise. */
  async run<T>(action: string, work: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.#phase.name !== "up") throw this.#away(action);
    const { client } = this.#phase;
    try {
      return await work(client);
    } catch (error) {
      const failure = this.translate(error, action);
      if (isNoMaster(this.#module, error)) this.#lose(client, failure);
      const isLost = failure instanceof RedisError && failure.code === "unreachable";
      throw isLost && this.#isClosed() ? this.#away(action) : failure;
    }
  }

  /** Takes the connection for lost and makes another one. */
  renew(cause: Error): void {
    if (this.#phase.name === "up") this.#lose(this.#phase.client, cause);
  }

  /** What went wrong in our words. */
  translate(error: unknown, action: string): Error {
    return toRedisError(this.#module, error, action);
  }

  /** Hands an error to `onError`. */
  report(error: Error, during: "connect" | "message"): void {
    tell(() => this.#options.onError?.(error, { during }));
  }

  /** Waits for what is under way, at most for the deadline, and ends the connection. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const phase = this.#phase;
    this.#phase = { name: "closed" };
    this.#probeTimer?.cancel();
    this.#closing.abort();
    if (phase.name === "up") await this.#finish(phase.client);
    await this.#redialing;
    await this.#target.close();
  }

  async #finish(client: RedisClient): Promise<void> {
    try {
      await finish(client, paceOf(this.#options).closeMs, this.#clock);
    } catch (error) {
      this.report(this.translate(error, `close the connection to Redis at ${this.shownUrl}`), "connect");
    }
  }

  #isClosed(): boolean {
    return this.#phase.name === "closed";
  }

  #away(action: string): RedisError {
    if (this.#phase.name === "closed") {
      return new RedisError("closed", `Cannot ${action}: the connection was closed`);
    }
    const cause = this.#phase.name === "down" ? this.#phase.since : undefined;
    return new RedisError("unreachable", `Cannot ${action}: no connection to Redis at ${this.shownUrl}`, {
      cause,
    });
  }

  async #dial(): Promise<Up> {
    const { signal } = this.#closing;
    const connectMs = this.#options.recovery?.connectMs ?? 10_000;
    const action = `connect to Redis at ${this.shownUrl}`;
    try {
      const finding = this.#target.find(signal, (url) => this.#onMoved(url));
      const url = await withDeadline(finding, connectMs, action, this.#clock);
      const client = await dial(this.#module, {
        url,
        connectMs,
        maxPending: this.#options.maxPending ?? 100_000,
        signal,
        prepare: async (made) => {
          await checkServer(made, this.#use.server);
          await this.#use.prepare(made);
        },
        onLost: (lost, cause) => this.#lose(lost, cause),
      });
      return { name: "up", client, url };
    } catch (error) {
      throw this.translate(error, action);
    }
  }

  #rise(up: Up, onUp: (() => void) | undefined): void {
    if (this.#isClosed()) {
      // Between the last answer and here.
      up.client.destroy();
      return;
    }
    this.#phase = up;
    this.#unanswered = 0;
    this.#scheduleProbe(up.client);
    tell(onUp);
  }

  #onMoved(url: string): void {
    if (this.#phase.name !== "up" || this.#phase.url === url) return;
    this.#lose(this.#phase.client, new Error(`another server has become the master: ${showUrl(url)}`));
  }

  #lose(client: RedisClient, cause: Error): void {
    if (this.#phase.name !== "up" || this.#phase.client !== client) return;
    this.#phase = { name: "down", since: cause };
    this.#probeTimer?.cancel();
    this.report(this.translate(cause, `keep the connection to Redis at ${this.shownUrl}`), "connect");
    tell(this.#options.onDown);
    this.#redialing = this.#redial();
    // Later, because the client is in the middle of telling us.
    queueMicrotask(() => client.destroy());
  }

  async #redial(): Promise<void> {
    let lastMessage = "";
    for (const delayMs of backoff({ ...RECONNECT, ...this.#options.recovery?.reconnect })) {
      try {
        await wait(delayMs, { signal: this.#closing.signal, clock: this.#clock });
        this.#rise(await this.#dial(), this.#options.onUp);
        return;
      } catch (error) {
        if (this.#isClosed()) return;
        const { message } = error instanceof Error ? error : new Error(String(error));
        if (message !== lastMessage) this.report(this.translate(error, "connect to Redis"), "connect");
        lastMessage = message;
      }
    }
  }

  #scheduleProbe(client: RedisClient): void {
    this.#probeTimer = this.#clock.after(paceOf(this.#options).probeMs, () => this.#probe(client));
  }

  /** There is no time any more to find out slowly that a connection is dead. */
  #hurry(): void {
    if (this.#phase.name !== "up") return;
    this.#probeTimer?.cancel();
    this.#probe(this.#phase.client);
  }

  #probe(client: RedisClient): void {
    if (this.#phase.name !== "up" || this.#phase.client !== client) return;
    if (this.#unanswered >= MAX_UNANSWERED) {
      this.#lose(client, new RedisError("timeout", `Redis at ${this.shownUrl} does not answer`));
      return;
    }
    this.#unanswered += 1;
    const answered = (): void => {
      this.#unanswered = 0;
    };
    const refused = (error: unknown): void => {
      // Ours says that it is no master any more. Otherwise a refusal is an answer, too; that a connection was lost is told to #lose.
      if (error instanceof RedisError) this.#lose(client, error);
      else answered();
    };
    void Promise.all([this.#use.probe(client), checkServer(client, this.#use.server)]).then(
      answered,
      refused,
    );
    this.#target.look();
    this.#scheduleProbe(client);
  }
}

/** Calls the user's function so that what it throws is uncaught instead of breaking the connection. */
function tell(callback: (() => void) | undefined): void {
  try {
    callback?.();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
