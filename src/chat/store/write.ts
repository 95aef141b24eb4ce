import type { DeviceState, Durability, Outgoing, SendResult, Token, User } from "./contract.ts";

/** One change of a store as plain data, so that another process may be asked for it. */
export type WriteOp = SendOp | AccountOp;

/** A message to append and deliver. */
export interface SendOp {
  readonly type: "send";
  readonly message: Outgoing;
}

/** A change of what a user has beside messages. */
export type AccountOp =
  | { readonly type: "create_user"; readonly user: User }
  | { readonly type: "add_token"; readonly token: Token }
  | { readonly type: "remove_token"; readonly hash: string }
  | { readonly type: "remove_tokens"; readonly user: string }
  | { readonly type: "open_device"; readonly user: string; readonly device: string; readonly now: number }
  | {
      readonly type: "ack";
      readonly user: string;
      readonly device: string;
      readonly epoch: string;
      readonly inbox: number;
    };

/**
 * What became of a {@linkcode WriteOp}: `created` answers `create_user`, `opened` answers `open_device`, `sent` answers `send`,
 * `done` answers the rest. `failed`: this one could not be written and changed nothing, whatever its neighbors did.
 */
export type WriteResult =
  | { readonly type: "done" }
  | { readonly type: "created"; readonly isNew: boolean }
  | { readonly type: "opened"; readonly device: DeviceState }
  | { readonly type: "sent"; readonly result: SendResult }
  | { readonly type: "failed"; readonly reason: string };

/** Writes for a store. */
export interface Writer extends AsyncDisposable {
  /** What a result has waited for. */
  readonly durable: Durability;
  /**
   * Writes in the order given, as one with whatever else came in the same tick.
   *
   * @returns A result for each, in that order, once they are stored.
   * @throws {StoreError} `unavailable` when it is not known that they are stored, when more than {@linkcode MAX_QUEUED_WRITES}
   * wait, or when the writer was closed.
   */
  write(ops: readonly WriteOp[]): Promise<readonly WriteResult[]>;
  /** Writes what is queued, then gives everything back. Idempotent. */
  close(): Promise<void>;
}

/** Called for every new inbox entry, in order and after it is stored, with the line that a read of it gives. Must be quick. */
export type Hint = (user: string, line: Uint8Array) => void;

/** Called for what went wrong where no caller could be told, or not in full. */
export type StoreErrorHandler = (error: Error, context: { readonly during: StoreActivity }) => void;

/** What a store was doing when {@linkcode StoreErrorHandler} was called. */
export type StoreActivity = "write" | "hint" | "request" | "connection" | "close";

/** Writes that may wait at once in one process; more are `unavailable`. */
export const MAX_QUEUED_WRITES = 10_000;
