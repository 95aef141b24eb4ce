import { unavailable } from "./ask_queue.ts";
import type { Presence, PresenceOptions } from "./contract.ts";

/**
 * Makes the presence of a server that is alone: its own users are all there are.
 *
 * @example A user who comes and goes
 * ```ts
 * import assert from "node:assert/strict";
 * import { localPresence } from "chorus";
 *
 * await using presence = localPresence({ server: "s1", onGone: () => undefined, onError: console.error });
 * await presence.arrive("ada");
 * assert.deepEqual([...(await presence.online(["ada", "ben"]))], ["ada"]);
 * await presence.leave("ada");
 * assert.equal((await presence.online(["ada", "ben"])).size, 0);
 * ```
 */
export function localPresence(_options: PresenceOptions): Presence {
  const users = new Set<string>();
  let isClosed = false;
  function check(): void {
    if (isClosed) throw unavailable("presence was closed");
  }
  return {
    async arrive(user) {
      check();
      users.add(user);
      return true;
    },
    async leave(user) {
      check();
      users.delete(user);
      return true;
    },
    async online(asked) {
      check();
      return new Set(asked.filter((user) => users.has(user)));
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      users.clear();
    },
  };
}
