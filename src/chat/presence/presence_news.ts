import type { Clock } from "../../async/mod.ts";
import type { Bus } from "../../bus/mod.ts";
import { tell } from "../notice.ts";
import type { FriendStore } from "../store/mod.ts";
import { Backlog } from "./backlog.ts";
import type { Presence } from "./contract.ts";

/** What {@linkcode PresenceNews} needs. */
export interface PresenceNewsOptions {
  readonly presence: Presence;
  readonly store: Pick<FriendStore, "friends">;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** Users whose friends are told together: each may have a thousand. */
const BATCH_SIZE = 16;
/** Users whose friends wait to be told. */
const MAX_WAITING = 100_000;

/** Tells the friends of users who came online or went offline, on whatever server they are: at most once, and a while later if many come at once. */
export class PresenceNews {
  readonly #options: PresenceNewsOptions;
  readonly #backlog: Backlog<boolean>;

  constructor(options: PresenceNewsOptions) {
    const { clock, onError } = options;
    this.#options = options;
    this.#backlog = new Backlog({
      work: (batch) => this.#tellFriends(batch),
      batchSize: BATCH_SIZE,
      maxWaiting: MAX_WAITING,
      clock,
      onError: (error) => onError(error, { during: "presence" }),
    });
  }

  /** The user has come online, or gone offline. */
  add(user: string, online: boolean): void {
    this.#backlog.add(user, online);
  }

  /** Tells what is left to tell, for at most `graceMs`. */
  close(graceMs: number): Promise<void> {
    return this.#backlog.close(graceMs);
  }

  async #tellFriends(batch: ReadonlyMap<string, boolean>): Promise<void> {
    const { store, presence, bus } = this.#options;
    const users = [...batch.keys()];
    const lists = await Promise.all(users.map((user) => store.friends(user)));
    // Looked at last: somebody who went here may have come on another server, which told it before us.
    const offline = users.filter((user) => !batch.get(user));
    const back = offline.length > 0 ? await presence.online(offline) : new Set<string>();
    for (const [index, name] of users.entries()) {
      const online = batch.get(name) === true;
      if (!online && back.has(name)) continue;
      const friends = lists[index]?.filter(({ state }) => state === "friend").map((friend) => friend.name);
      // Also to those who are away, whose channel nobody listens to: who is just coming has no presence yet.
      tell(bus, friends ?? [], { type: "presence", name, online });
    }
  }
}
