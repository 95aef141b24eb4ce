import type { Clock } from "../../async/mod.ts";
import { channelOf } from "../notice.ts";
import type { Store } from "../store/mod.ts";

/** For how long it is believed without asking who may signal to whom, in milliseconds. */
const KNOWN_MS = 5000;
/** Pairs and names of members that are remembered; beyond them the oldest are forgotten. */
const MAX_PAIRS = 20_000;
const MAX_NAMES = 200_000;

/** Why a signal cannot be sent. */
export type NoRoute = "unknown_user" | "blocked" | "unknown_group" | "not_member";

/** A group whose members are known. */
interface KnownGroup {
  readonly until: number;
  /** Each member's channel. */
  readonly channels: ReadonlyMap<string, string>;
}

/**
 * The channels on which signals go out, remembered for some seconds so that most signals ask the store nothing.
 *
 * Who was blocked, or has left a group, may so be heard, and hear, for some seconds longer.
 */
export class SignalRoutes {
  readonly #store: Pick<Store, "mayWrite" | "memberNames">;
  readonly #clock: Clock;
  /** Who may write to whom, as `FROM TO`, and until when that is believed; in the order of the times. */
  readonly #pairs = new Map<string, number>();
  readonly #groups = new Map<string, KnownGroup>();
  /** Questions under way: many members who ask at once share one answer. */
  readonly #asked = new Map<string, Promise<KnownGroup | NoRoute>>();
  #names = 0;

  constructor(store: Pick<Store, "mayWrite" | "memberNames">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Whether `from` is known to be allowed to write to the user `to`. */
  mayReach(from: string, to: string): boolean {
    const until = from === to ? Number.POSITIVE_INFINITY : this.#pairs.get(`${from} ${to}`);
    return until !== undefined && until > this.#clock.now();
  }

  /** Finds out whether `from` may write to the user `to`. @throws {StoreError} */
  async findUser(from: string, to: string): Promise<NoRoute | undefined> {
    const answer = await this.#store.mayWrite(from, to);
    if (answer !== "yes") return answer;
    const key = `${from} ${to}`;
    this.#pairs.delete(key);
    this.#pairs.set(key, this.#clock.now() + KNOWN_MS);
    if (this.#pairs.size > MAX_PAIRS) {
      const [oldest = key] = this.#pairs.keys();
      this.#pairs.delete(oldest);
    }
    return undefined;
  }

  /** The channels of a group's members by name, if they are known and `from` is among them. */
  groupChannels(from: string, group: string): ReadonlyMap<string, string> | undefined {
    const known = this.#groups.get(group);
    if (!known || known.until <= this.#clock.now() || !known.channels.has(from)) return undefined;
    return known.channels;
  }

  /** Finds the channels of a group's members. @throws {StoreError} */
  async findGroup(from: string, group: string): Promise<ReadonlyMap<string, string> | NoRoute> {
    const asked = this.#asked.get(group);
    const shared = asked && (await asked);
    if (shared !== undefined && typeof shared !== "string" && shared.channels.has(from))
      return shared.channels;
    const question = this.#askGroup(from, group);
    this.#asked.set(group, question);
    try {
      const found = await question;
      return typeof found === "string" ? found : found.channels;
    } finally {
      if (this.#asked.get(group) === question) this.#asked.delete(group);
    }
  }

  /** Forgets what is known of a group's members, or of who may write to a user. */
  forget(from: string, to: string): void {
    this.#pairs.delete(`${from} ${to}`);
    this.#drop(to);
  }

  async #askGroup(from: string, group: string): Promise<KnownGroup | NoRoute> {
    const names = await this.#store.memberNames(group, from);
    if (typeof names === "string") return names;
    const channels = new Map(names.map((name) => [name, channelOf(name)]));
    const known = { until: this.#clock.now() + KNOWN_MS, channels };
    this.#drop(group);
    this.#groups.set(group, known);
    this.#names += channels.size;
    for (const oldest of this.#groups.keys()) {
      if (this.#names <= MAX_NAMES) break;
      this.#drop(oldest);
    }
    return known;
  }

  #drop(group: string): void {
    this.#names -= this.#groups.get(group)?.channels.size ?? 0;
    this.#groups.delete(group);
  }
}
