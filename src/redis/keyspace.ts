import type { RedisValue } from "./contract.ts";
import type { RedisScript, RunScriptOptions } from "./script.ts";

/**
 * Commands to whatever Redis is behind an address, routed by key: one server, one behind Sentinel, or a Cluster.
 *
 * - A command whose connection is lost rejects and is not sent again: it may or may not have been done.
 * - Commands for one key are carried out in the order in which they were sent, as long as none of them rejects.
 */
export interface RedisKeyspace extends AsyncDisposable {
  /** `one`: a call may touch any keys. `cluster`: only keys with the same hash tag. */
  readonly kind: "one" | "cluster";
  /** The address without its password. */
  readonly shownUrl: string;
  /** Whether commands can be sent now; for a Cluster, to every part of it. */
  readonly isUp: boolean;
  /**
   * Sends one command.
   *
   * @param key One of the keys that it touches.
   * @param options `deadlineMs`: absent is that of the connection. `replies`: as for a script.
   * @throws {RedisError} `unreachable` at once while there is no connection.
   */
  command(key: string, args: readonly RedisValue[], options?: RunScriptOptions): Promise<unknown>;
  /** Runs a script, see `runScript`. The first key says where. */
  script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisValue[],
    options?: RunScriptOptions,
  ): Promise<unknown>;
  /**
   * Which history the server of a key writes on (`master_replid`), as read when its connection was made: another word after a fail-over or
   * a restart. Empty while there is no connection.
   */
  history(key: string): string;
  /**
   * Does something on every server that is a master, such as to check how it is configured.
   *
   * @throws {RedisError} When one of them does not answer.
   */
  eachMaster<T>(
    work: (command: (args: readonly RedisValue[]) => Promise<unknown>) => Promise<T>,
  ): Promise<readonly T[]>;
  /** Waits for what is under way, at most for the deadline, and ends the connections. Idempotent. */
  close(): Promise<void>;
}
