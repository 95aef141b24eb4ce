import type { Clock } from "../../../async/mod.ts";
import type { RedisKeyspace } from "../../../redis/mod.ts";
import type { StoreErrorHandler } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import type { Keys } from "./keys.ts";

/** What the parts of a store in Redis share. */
export interface RedisStoreContext {
  /** For writing, and for what must be in order with it. */
  readonly keyspace: RedisKeyspace;
  /** For reading: not held up by batches of writes. */
  readonly reads: RedisKeyspace;
  /** Whether a call touches what has one hash tag only: on a Cluster, and where it is to be done as there. */
  readonly isSplit: boolean;
  readonly keys: Keys;
  readonly limits: Required<StoreLimits>;
  /** The longest to wait for an answer, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly onError: StoreErrorHandler;
  /** Whether {@linkcode confirm} waits for anything. */
  readonly isConfirmed: boolean;
  /**
   * Waits until what was written through `keyspace` before is as durable as the store promises, where `key` is kept.
   *
   * @throws {StoreError} `unavailable` when that takes too long: it may or may not be.
   */
  confirm(key: string): Promise<void>;
  /**
   * Brings inboxes up to the newest message of a conversation, and looks for a log that was rolled back: then the inbox begins a new epoch,
   * and the mark is where the two still agree. Harmless to repeat.
   *
   * @param users Absent: every member.
   * @throws {StoreError} `unavailable` when one of them could not be brought up; the others were.
   */
  bringUp(conversation: string, users?: readonly string[]): Promise<void>;
}
