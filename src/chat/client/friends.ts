import type { Ask } from "./exchange.ts";

/** Somebody to whom the user stands in some way. */
export interface FriendView {
  /** The other user. */
  readonly name: string;
  /** A friend, asked and not answered yet, to be answered, or blocked by the user. */
  readonly state: "friend" | "outgoing" | "incoming" | "blocked";
  /** Whether a friend is online. Absent for all others, and while nobody can tell. */
  readonly online?: boolean;
}

/**
 * The part of a client that knows who is whose friend. All reject with a `ChatError`, `unavailable` while there is no connection.
 *
 * @example Two users become friends
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const dial = tcpDial(systemDriver(), [{ host: "127.0.0.1", port: 7000 }]);
 * for (const name of ["ada", "ben"]) await registerChat({ dial, name, password: "secret" });
 * await using ada = await connectChat({ dial, credentials: { name: "ada", password: "secret" } });
 * await using ben = await connectChat({ dial, credentials: { name: "ben", password: "secret" } });
 * await ada.friends.request("ben");
 * await ben.friends.accept("ada");
 * assert.deepEqual(await ada.friends.list(), [{ name: "ben", state: "friend", online: true }]);
 * ```
 */
export class Friends {
  readonly #ask: Ask;

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Asks somebody to be a friend; where they have asked, accepts. */
  async request(name: string): Promise<void> {
    await this.#ask({ type: "friend.request", name });
  }

  /** Accepts somebody's request. */
  async accept(name: string): Promise<void> {
    await this.#ask({ type: "friend.accept", name });
  }

  /** Ends a friendship, or a request of either side. */
  async remove(name: string): Promise<void> {
    await this.#ask({ type: "friend.remove", name });
  }

  /** Refuses messages, signals and requests of somebody; ends a friendship, too. */
  async block(name: string): Promise<void> {
    await this.#ask({ type: "friend.block", name });
  }

  /** Lets somebody write again. */
  async unblock(name: string): Promise<void> {
    await this.#ask({ type: "friend.unblock", name });
  }

  /** Everybody to whom the user stands in some way, in the order of their names. */
  async list(): Promise<readonly FriendView[]> {
    const { friends } = await this.#ask({ type: "friend.list" });
    return friends as readonly FriendView[];
  }
}
