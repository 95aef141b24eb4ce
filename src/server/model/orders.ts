import { type Address, NetError, type NetErrorCode } from "../../net/mod.ts";

/** The topics between a server and its workers. */
export const TOPICS = {
  /** To a worker: its orders, first. */
  orders: "orders",
  /** From a worker: it serves, or why it cannot. */
  ready: "ready",
  /** From a worker: an error that it went on after. */
  error: "error",
  /** From a worker of one connection: it is over, and nothing more will be told of it. */
  over: "over",
  /** From a worker: how many connections it serves, when that has changed. */
  count: "count",
  /** To a worker: it may finish for so many milliseconds, and ends. */
  stop: "stop",
} as const;

/** What a worker is for that serves one connection. */
export interface ConnectionOrders {
  readonly handler: string;
  readonly remote: Address;
  readonly local: Address;
}

/** What a reactor is for. */
export interface ReactorOrders {
  readonly handler: string;
  /** Where to listen; `handed` connections come over the channel instead. */
  readonly listen: Address | "handed";
  readonly places: number;
  /** How long it goes on when its parent is gone, in milliseconds. */
  readonly graceMs: number;
}

/** What a worker says on `ready`. */
export type Ready = { readonly address: Address | undefined } | { readonly failed: SentError };

/** What a worker says on `error`. */
export interface ToldError {
  readonly error: SentError;
  readonly during: "accept" | "handler";
}

/** An error on its way to another thread or process, where its class would be lost. */
export interface SentError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: NetErrorCode | undefined;
}

/** Takes apart what was thrown. */
export function toSent(thrown: unknown): SentError {
  if (!(thrown instanceof Error)) return { message: String(thrown), stack: undefined, code: undefined };
  const code = thrown instanceof NetError ? thrown.code : undefined;
  return { message: thrown.message, stack: thrown.stack, code };
}

/** Makes an error again, with the stack of where it was thrown. */
export function fromSent({ message, stack, code }: SentError): Error {
  const error = code === undefined ? new Error(message) : new NetError(code, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
