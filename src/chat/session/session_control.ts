import type { Bus } from "../../bus/mod.ts";
import { EVERYBODY, framePayload, notify } from "../notice.ts";
import { type ClosingReason, normalizeName, ProtocolError } from "../protocol.ts";
import type { Store } from "../store/mod.ts";
import type { Link } from "./link.ts";
import type { Phase } from "./session.ts";

/** What an operator sees of a session. */
export interface SessionView {
  /** The server's id, a dot and a number that no other session of this server has or had. */
  readonly id: string;
  /** The server's id. */
  readonly server: string;
  /** Who is logged in. */
  readonly user: string;
  /** Which of the user's devices it is. */
  readonly device: string;
  /** The client's address without its port. */
  readonly address: string;
  /** When it connected, as wall time in milliseconds. */
  readonly at: number;
  /** For how long nothing has come from the client, in milliseconds. */
  readonly idleMs: number;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  /** Bytes that it has taken. */
  readonly sentBytes: number;
}

/** A session as its control sees it. */
export interface ControlledSession {
  readonly id: string;
  readonly phase: Phase;
  readonly link: Link;
  /** When it connected, as wall time in milliseconds. */
  readonly openedAt: number;
  /** For how long nothing has come from the client, in milliseconds. */
  readonly idleMs: number;
  close(reason: ClosingReason): void;
}

/** What {@linkcode SessionControl} needs of its server. */
export interface SessionControlOptions {
  readonly server: string;
  /** The connections of the server, logged in or not. */
  readonly sessions: ReadonlySet<ControlledSession>;
  readonly store: Pick<Store, "findUser" | "removeTokens" | "endDevices">;
  readonly bus: Bus;
  readonly wallNow: () => number;
}

/** Most sessions in one list. */
export const MAX_LISTED_SESSIONS = 10_000;
/** Most characters of an announcement. */
export const MAX_ANNOUNCEMENT = 4096;

/**
 * What operators can do about the sessions of a server, and of all servers that share its bus.
 *
 * @example A user is sent out
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, redisBus, redisStore, registerChat, startChatServer, systemDriver, tcpDial } from "chorus";
 *
 * const [url, driver, onError] = ["redis://127.0.0.1:6379", systemDriver(), console.error];
 * await using bus = await redisBus({ url });
 * await using store = await redisStore({ url, onError });
 * const listen = { host: "127.0.0.1", port: 0 };
 * await using server = await startChatServer({ id: "chat-1", listen, driver, store, bus, onError });
 * const [dial, ada] = [tcpDial(driver, [server.address]), { name: "ada", password: "secret" }];
 * await registerChat({ dial, ...ada });
 * const out = Promise.withResolvers<string>();
 * await using _ = await connectChat({ dial, credentials: ada, handler: { closing: out.resolve } });
 * assert.deepEqual(server.control.list().map(({ user }) => user), ["ada"]);
 * await server.control.closeUser("ada", { revoke: true });
 * assert.equal(await out.promise, "operator");
 * ```
 */
export class SessionControl {
  readonly #options: SessionControlOptions;

  /** @internal */
  constructor(options: SessionControlOptions) {
    this.#options = options;
  }

  /** The logged-in sessions of this server, those that connected first in front; with a user only theirs. At most {@linkcode MAX_LISTED_SESSIONS}. */
  list(
    filter: { readonly user?: string | undefined } = {},
    limit: number = MAX_LISTED_SESSIONS,
  ): SessionView[] {
    const { server, sessions } = this.#options;
    const user = filter.user?.toLowerCase();
    const most = Math.min(limit, MAX_LISTED_SESSIONS);
    const views: SessionView[] = [];
    for (const { id, phase, link, openedAt, idleMs } of sessions) {
      if (views.length >= most) break;
      if (phase.name !== "online" || (user !== undefined && phase.user !== user)) continue;
      const { device } = phase;
      const { host: address, queuedBytes, takenBytes: sentBytes } = link;
      views.push({
        id,
        server,
        user: phase.user,
        device,
        address,
        at: openedAt,
        idleMs: Math.round(idleMs),
        queuedBytes,
        sentBytes,
      });
    }
    return views;
  }

  /** Ends a session of this server with `closing operator`. @returns Whether there was such a session. */
  close(id: string): boolean {
    for (const session of this.#options.sessions) {
      if (session.id !== id || session.phase.name === "closed") continue;
      session.close("operator");
      return true;
    }
    return false;
  }

  /**
   * Ends every session of a user, on all servers. They may log in again, with their tokens only if they are not revoked.
   *
   * @returns Whether there is such a user.
   * @throws {StoreError}
   */
  async closeUser(name: string, { revoke = false }: { readonly revoke?: boolean } = {}): Promise<boolean> {
    const { store, bus } = this.#options;
    const user = nameOf(name);
    if (user === undefined || !(await store.findUser(user))) return false;
    // First the tokens: who is closed comes back at once.
    if (revoke) await store.removeTokens(user);
    await store.endDevices(user);
    notify(bus, user, { type: "logged_out" });
    return true;
  }

  /**
   * Tells every session of every server, at most once.
   *
   * @param text 1 to {@linkcode MAX_ANNOUNCEMENT} characters.
   * @throws {RangeError} At once.
   * @throws {BusError} When the bus does not take it: nobody may be told then.
   */
  announce(text: string): Promise<void> {
    if (text.length === 0 || text.length > MAX_ANNOUNCEMENT || !text.isWellFormed()) {
      throw new RangeError(
        `Cannot announce: the text must have 1 to ${MAX_ANNOUNCEMENT} characters of well-formed Unicode, received ${text.length}`,
      );
    }
    const { bus, wallNow } = this.#options;
    return bus.publishConfirmed(EVERYBODY, framePayload({ type: "announcement", text, at: wallNow() }));
  }
}

function nameOf(name: string): string | undefined {
  try {
    return normalizeName(name);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
