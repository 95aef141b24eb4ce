import { type RedisClient, RedisError, type RedisOptions } from "./contract.ts";
import { openLink } from "./sender.ts";
import { parseUrl } from "./url.ts";

/** A connection for commands that makes itself anew when it is lost. */
export interface RedisConnection extends AsyncDisposable {
  /** The address without its password. */
  readonly shownUrl: string;
  /** Whether commands can be sent now. */
  readonly isUp: boolean;
  /**
   * The client that is connected now; after a loss it is another one, so it must not be kept. It has no deadlines.
   *
   * @throws {RedisError} `unreachable` while there is no connection, `closed` after `close`.
   */
  readonly client: RedisClient;
  /**
   * Does `work` with the client, within a deadline. What was sent is not taken back when the deadline is over: it may or may
   * not be done.
   *
   * @param action As in "Cannot `action`: …".
   * @param deadlineMs Absent: that of the connection.
   * @throws {RedisError} `unreachable` at once while there is no connection, or when it is lost on the way.
   */
  ask<T>(action: string, work: (client: RedisClient) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** What a client threw, in our words: for commands that were sent without `ask`. */
  translate(error: unknown, action: string): Error;
  /** Waits for what is under way, at most for the deadline, and ends the connection. Idempotent. */
  close(): Promise<void>;
}

/**
 * Connects to one Redis for commands: the one at an address, whatever it is, or the master that sentinels name.
 *
 * - Resolves when Redis answers. After that a lost connection is made anew without end; meanwhile commands reject at once.
 * - A command whose connection is lost rejects, and is not sent again: it may or may not have been done.
 *
 * @param url `redis://[USER[:PASSWORD]@]HOST:PORT[/DATABASE]`, `rediss://…` for TLS, `unix:///PATH`, or `redis+sentinel://…` as
 *   {@linkcode connectKeyspace} takes it.
 * @throws {RedisError} `bad_url`; `unreachable`, `timeout` or `rejected` when it cannot connect the first time.
 */
export async function connectRedis(url: string, options: RedisOptions = {}): Promise<RedisConnection> {
  const ping = (client: RedisClient): Promise<unknown> => client.ping();
  const place = parseUrl(url);
  if (place.kind === "cluster") {
    throw new RedisError("bad_url", `Cannot connect to Redis: ${place.shownUrl} is many servers, not one`);
  }
  const use = { server: "any", prepare: ping, probe: ping } as const;
  const link = await openLink(await import("redis"), place, use, options);
  return {
    shownUrl: link.shownUrl,
    get isUp() {
      return link.isUp;
    },
    get client() {
      return link.client;
    },
    ask: (action, work, deadlineMs) => link.ask(action, work, deadlineMs),
    translate: (error, action) => link.translate(error, action),
    close: () => link.close(),
    [Symbol.asyncDispose]: () => link.close(),
  };
}
