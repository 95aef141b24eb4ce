/**
 * The chat protocol, version 1: what clients may ask and what servers say. `docs/protocol.md` tells the whole of it.
 *
 * Pure, and the same in a browser.
 *
 * @module
 */
/** Most bytes of a client's frame, without its newline. */
export const MAX_CLIENT_FRAME_BYTES = 65_536;
/** Most bytes of a server's frame, without its newline. */
export const MAX_SERVER_FRAME_BYTES = 262_144;
/** Most bytes of a message's text, as UTF-8. */
export const MAX_TEXT_BYTES = 32_768;
/** Most bytes that a UTF-16 code unit of a text takes as UTF-8. */
export const BYTES_PER_UNIT = 3;
/** Most bytes of a signal's data, as JSON. */
export const MAX_SIGNAL_BYTES = 4096;
/** The greatest number of a login: there is room above it for those that the servers draw. */
export const MAX_ATTEMPT: number = 2 ** 52;
/** Most entries that one `sync`, `history` or page of a list brings. */
export const MAX_PAGE = 200;

/** What an `error` frame's `code` may be. */
export type ErrorCode =
  | "bad_frame"
  | "too_large"
  | "not_logged_in"
  | "bad_credentials"
  | "name_taken"
  | "bad_name"
  | "unknown_user"
  | "unknown_group"
  | "group_full"
  | "not_member"
  | "forbidden"
  | "id_reused"
  | "rate_limited"
  | "unavailable"
  | "internal";

/** Why a server says `closing`. */
export type ClosingReason = "draining" | "replaced" | "slow" | "idle" | "operator";

/** A request failed: what its `error` frame will say. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ErrorCode;
  /** For `rate_limited`: milliseconds after which to try again. */
  readonly retryMs: number | undefined;
  /** For a login that another one of its device has overtaken: the number of that. */
  readonly attempt: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { retryMs?: number; attempt?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryMs = options.retryMs;
    this.attempt = options.attempt;
  }
}

/** A place in an inbox, as a client keeps it. */
export interface Cursor {
  /** The life of the inbox that it is of. */
  readonly epoch: string;
  /** The number of the last entry. */
  readonly inbox: number;
  /** What tells whether that entry is still the same one. */
  readonly stamp: number;
}

/** Looked at before it is put in lower case: other letters become some of these, such as the Kelvin sign a k. */
const NAME = /^[A-Za-z0-9._-]{1,32}$/;

/**
 * A name as it is stored: in lower case.
 *
 * @param what What an error says that it is.
 * @throws {ProtocolError} `bad_name`.
 */
export function normalizeName(name: string, what = "a name"): string {
  if (NAME.test(name)) return name.toLowerCase();
  throw new ProtocolError("bad_name", `${what} has 1 to 32 of a-z 0-9 . _ -, received ${inShort(name)}`);
}

/**
 * A group's name as it is stored: in lower case, with its `#`.
 *
 * @param what What an error says that it is.
 * @throws {ProtocolError} `bad_name`.
 */
export function normalizeGroup(group: string, what = "a group"): string {
  if (group.startsWith("#") && NAME.test(group.slice(1))) return group.toLowerCase();
  throw new ProtocolError(
    "bad_name",
    `${what} is # and 1 to 32 of a-z 0-9 . _ -, received ${inShort(group)}`,
  );
}

/** The conversation of two users: their names in alphabetical order joined by `:`. */
export function pairOf(first: string, second: string): string {
  return first < second ? `${first}:${second}` : `${second}:${first}`;
}

/** With whom `user` has a conversation: the name of the other one, or the `#group`. */
export function peerOf(conversation: string, user: string): string {
  const [first = "", second] = conversation.split(":");
  if (second === undefined) return first;
  return first === user ? second : first;
}

/** A frame on its way to a client. `undefined` fields are left out. */
export type ServerFrame =
  | { readonly type: "ok"; readonly id: string | undefined; readonly [field: string]: unknown }
  | {
      readonly type: "error";
      readonly id: string | undefined;
      readonly code: ErrorCode;
      readonly message: string;
      readonly retry?: number | undefined;
      readonly attempt?: number | undefined;
    }
  | {
      readonly type: "pong";
      readonly id: string | undefined;
      readonly server: string;
      readonly connections?: number;
      readonly capacity?: number;
      readonly draining?: boolean;
    }
  | { readonly type: "lag"; readonly inbox: number; readonly top: number }
  | {
      readonly type: "resync";
      readonly epoch: string;
      readonly inbox: number;
      readonly reason: "trimmed" | "rollback";
    }
  | { readonly type: "signal"; readonly from: string; readonly to: string; readonly data: unknown }
  | { readonly type: "presence"; readonly name: string; readonly online: boolean }
  | {
      readonly type: "friend";
      readonly name: string;
      readonly event: "requested" | "accepted" | "removed";
    }
  | {
      readonly type: "group";
      readonly group: string;
      /** Who was invited, has joined, left or was removed; for `deleted` who did it. */
      readonly name: string;
      readonly event: "invited" | "joined" | "left" | "removed" | "deleted";
    }
  | {
      readonly type: "receipt";
      readonly conversation: string;
      readonly name: string;
      readonly delivered?: number;
      readonly read?: number;
    }
  | { readonly type: "announcement"; readonly text: string; readonly at: number }
  | { readonly type: "closing"; readonly reason: ClosingReason; readonly after: number };

/** The `error` frame for whatever made a request fail. What is not ours to tell is `internal`, without its words. */
export function errorFrame(frameId: string | undefined, error: unknown): ServerFrame {
  if (!(error instanceof ProtocolError)) {
    return {
      type: "error",
      id: frameId,
      code: "internal",
      message: "the server failed; this is not your fault",
    };
  }
  const { code, message, retryMs: retry, attempt } = error;
  return { type: "error", id: frameId, code, message, retry, attempt };
}

/** A value in few words, so that an error can show what was found without repeating a long frame. */
export function inShort(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return value.length <= 40
    ? JSON.stringify(value)
    : `${value.length} characters starting with ${JSON.stringify(value.slice(0, 20).toWellFormed())}`;
}
