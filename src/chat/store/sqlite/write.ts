import type { DeviceState, InboxFinding, InboxPlace, LoginTry, Reached, Token, User } from "../account.ts";
import type { Durability, Outgoing, ReadResult, SendResult } from "../contract.ts";
import type { FriendAction, FriendResult } from "../friend.ts";
import type { GroupChange, GroupResult } from "../group.ts";

/** One change of a store as plain data, so that another process may be asked for it. */
export type WriteOp = MessageOp | UserOp | DeviceOp | SocialOp;

/** A change of messages. */
export type MessageOp =
  /** A message to append and deliver. */
  | { readonly type: "send"; readonly message: Outgoing }
  | { readonly type: "read"; readonly user: string; readonly conversation: string; readonly seq: number };

/** A change of who is who. */
export type UserOp =
  | { readonly type: "create_user"; readonly user: User }
  | {
      readonly type: "change_password";
      readonly name: string;
      readonly from: string;
      readonly to: string;
      /** The device whose sessions stay. */
      readonly except: string | undefined;
    }
  | { readonly type: "add_token"; readonly token: Token }
  | { readonly type: "remove_token"; readonly hash: string }
  | { readonly type: "remove_tokens"; readonly user: string }
  | {
      readonly type: "note_login_try";
      readonly name: string;
      readonly host: string;
      readonly now: number;
    }
  | { readonly type: "take_back_login_try"; readonly id: string };

/** A change of where devices stand. */
export type DeviceOp =
  | {
      readonly type: "open_device";
      readonly user: string;
      readonly device: string;
      readonly now: number;
      readonly generation?: number;
    }
  | { readonly type: "end_devices"; readonly user: string; readonly except: string | undefined }
  | {
      readonly type: "ack";
      readonly user: string;
      readonly device: string;
      readonly epoch: string;
      readonly inbox: number;
      readonly delivered?: readonly Reached[];
      readonly stamp?: number;
    }
  /** Looks at a place that seems to have been rolled back, and begins a new epoch if it was. */
  | { readonly type: "check_place"; readonly place: InboxPlace };

/** A change of how users stand to each other. */
export type SocialOp =
  | {
      readonly type: "friend";
      readonly user: string;
      readonly action: FriendAction;
      readonly other: string;
    }
  | { readonly type: "group"; readonly group: string; readonly by: string; readonly change: GroupChange };

/**
 * What became of a {@linkcode WriteOp}: `created` answers `create_user`, `changed` `change_password`, `noted` `note_login_try`, `opened` `open_device`, `checked`
 * `check_place`, `sent` `send`, `read` and `friend` and `group` their own, `done` the rest. `failed`: this one could not be written and
 * changed nothing, whatever its neighbors did.
 */
export type WriteResult =
  | { readonly type: "done" }
  | { readonly type: "created"; readonly isNew: boolean }
  | { readonly type: "changed"; readonly isChanged: boolean }
  | { readonly type: "noted"; readonly attempt: LoginTry }
  | { readonly type: "opened"; readonly device: DeviceState }
  | { readonly type: "checked"; readonly finding: InboxFinding }
  | { readonly type: "sent"; readonly result: SendResult }
  | { readonly type: "read"; readonly result: ReadResult }
  | { readonly type: "friend"; readonly result: FriendResult }
  | { readonly type: "group"; readonly result: GroupResult }
  | { readonly type: "failed"; readonly reason: string };

/** Writes for a store. */
export interface Writer extends AsyncDisposable {
  /** What a result has waited for. */
  readonly durable: Durability;
  /** Whether it can be asked: not once it was closed, or the process that writes for it is gone. */
  readonly isUp: boolean;
  /**
   * Writes in the order given, with whatever else came in the same tick: as one, unless that would hold up the event loop for long.
   *
   * @returns A result for each, in that order, once they are stored.
   * @throws {StoreError} `unavailable` when it is not known that they are stored, when more than {@linkcode MAX_QUEUED_WRITES}
   * wait, or when the writer was closed.
   */
  write(ops: readonly WriteOp[]): Promise<readonly WriteResult[]>;
  /**
   * Lets readers of the database see all that was answered: it is stored before, but not yet in the tables.
   *
   * @throws {StoreError} `unavailable` when that cannot be done.
   */
  flush(): Promise<void>;
  /** Writes what is queued, then gives everything back. Idempotent. */
  close(): Promise<void>;
}

/** Called for every new inbox entry, in order and after it is stored, with the line that a read of it gives. Must be quick. */
export type Hint = (user: string, line: Uint8Array) => void;
