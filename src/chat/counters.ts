import type { ErrorCode } from "./protocol.ts";

/** What a chat server has done since it started: plain numbers, read when somebody wants to know. */
export interface ChatCounters {
  /** Logins that were answered `ok`. */
  logins: number;
  /** Messages taken from clients and stored; repeats are not counted. */
  received: number;
  /** Inbox entries written to clients. */
  delivered: number;
  /** Frames that were dropped because their client did not keep up: events that are sent at most once. */
  dropped: number;
  /** Requests that were answered by `error`, by code. */
  readonly refused: Map<ErrorCode, number>;
}

/** All at zero. */
export function chatCounters(): ChatCounters {
  return { logins: 0, received: 0, delivered: 0, dropped: 0, refused: new Map() };
}
