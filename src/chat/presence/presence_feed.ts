import type { Timer } from "../../async/mod.ts";
import { Backlog } from "./backlog.ts";
import { PresenceError } from "./contract.ts";
import { PresenceNews, type PresenceNewsOptions } from "./presence_news.ts";

/** Options for {@linkcode PresenceFeed}. What it is lent stays the caller's, and is closed after it. */
export interface PresenceFeedOptions extends PresenceNewsOptions {
  /** For how long a user without a session is still online, in milliseconds: who comes back meanwhile was not away. @default {3000} */
  readonly lingerMs?: number;
}

const LINGER_MS = 3000;
/** Users who are announced together. */
const BATCH_SIZE = 256;
/** More than a server has users: nothing is forgotten. */
const MAX_WAITING = Number.POSITIVE_INFINITY;
/** For how long closing may go on about those who leave with the server, and then about their friends, in milliseconds. */
const CLOSE_MS = 3000;

/** A user of this server. */
interface Local {
  sessions: number;
  /** Whether the user is to be counted as held by this server. */
  isHere: boolean;
  /** What the presence was told last; undefined when that failed, and nobody knows whether it was heard. */
  isAnnounced: boolean | undefined;
}

/**
 * Counts the sessions of users on this server, says who has come and who has gone, and tells their friends.
 *
 * Nothing here waits for the presence or the store: it is done in the background, in batches, and again where it fails. A user who has lost
 * the last session is still online for a moment.
 */
export class PresenceFeed implements AsyncDisposable {
  readonly #options: PresenceFeedOptions;
  readonly #locals = new Map<string, Local>();
  /** Who has no session any more, and until when that is not said; the order is that of the times. */
  readonly #lingering = new Map<string, number>();
  readonly #changes: Backlog<true>;
  readonly #news: PresenceNews;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PresenceFeedOptions) {
    const { clock, onError } = options;
    this.#options = options;
    this.#news = new PresenceNews(options);
    this.#changes = new Backlog({
      work: (batch) => this.#announce([...batch.keys()]),
      batchSize: BATCH_SIZE,
      maxWaiting: MAX_WAITING,
      clock,
      onError: (error) => onError(error, { during: "presence" }),
    });
  }

  /** A session of the user has logged in here. */
  entered(user: string): void {
    const local = this.#locals.get(user) ?? { sessions: 0, isHere: false, isAnnounced: false };
    this.#locals.set(user, local);
    local.sessions += 1;
    this.#lingering.delete(user);
    this.#move(user, local, true);
  }

  /** A session that had entered is over. */
  left(user: string): void {
    const local = this.#locals.get(user);
    if (!local || local.sessions === 0) return;
    local.sessions -= 1;
    if (local.sessions > 0) return;
    const { clock, lingerMs = LINGER_MS } = this.#options;
    this.#lingering.set(user, clock.now() + lingerMs);
    this.#timer ??= this.#setTimer(lingerMs);
  }

  /**
   * Those of `users` who are online.
   *
   * @returns Undefined when nobody can tell now; it was reported.
   */
  async online(users: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    const { presence, onError } = this.#options;
    try {
      const found = users.length > 0 ? await presence.online(users) : [];
      // Who has just come is online here before the presence has heard of it.
      return new Set([...found, ...users.filter((user) => this.#locals.get(user)?.isHere)]);
    } catch (error) {
      if (!(error instanceof PresenceError)) throw error;
      onError(error, { during: "presence" });
      return undefined;
    }
  }

  /** Users have gone offline with a server that died. */
  gone(users: readonly string[]): void {
    for (const user of users) if (!this.#locals.get(user)?.isHere) this.#news.add(user, false);
  }

  /** Users who are here may have been given as gone. */
  back(users: readonly string[]): void {
    for (const user of users) if (this.#locals.get(user)?.isHere) this.#news.add(user, true);
  }

  /** Says that everybody who is here has gone, and tells their friends, within a few seconds. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    for (const [user, local] of this.#locals) this.#move(user, local, false);
    await this.#changes.close(CLOSE_MS);
    await this.#news.close(CLOSE_MS);
  }

  #move(user: string, local: Local, isHere: boolean): void {
    local.isHere = isHere;
    if (local.isHere !== local.isAnnounced) this.#changes.add(user, true);
  }

  #setTimer(delayMs: number): Timer | undefined {
    if (this.#closing !== undefined) return undefined;
    return this.#options.clock.after(delayMs, () => this.#endLingering());
  }

  #endLingering(): void {
    this.#timer = undefined;
    const now = this.#options.clock.now();
    for (const [user, until] of this.#lingering) {
      if (until > now) {
        this.#timer = this.#setTimer(until - now);
        return;
      }
      this.#lingering.delete(user);
      const local = this.#locals.get(user);
      if (local) this.#move(user, local, false);
    }
  }

  async #announce(users: readonly string[]): Promise<void> {
    const results = await Promise.allSettled(users.map((user) => this.#announceOne(user)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #announceOne(user: string): Promise<void> {
    const local = this.#locals.get(user);
    if (!local) return;
    while (local.isHere !== local.isAnnounced) {
      const { isHere } = local;
      const { presence } = this.#options;
      local.isAnnounced = undefined;
      const isChanged = isHere ? await presence.arrive(user) : await presence.leave(user);
      local.isAnnounced = isHere;
      if (isChanged) this.#news.add(user, isHere);
    }
    if (local.sessions === 0 && !local.isHere) this.#locals.delete(user);
  }
}
