import type { ErrorCode } from "../protocol.ts";
import type { Dial, ServerLink } from "./dial.ts";
import { ChatError } from "./errors.ts";

/** A frame from the server. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** What an {@linkcode Exchange} tells. */
export interface ExchangeHandler {
  /** A frame that answers no request. */
  event(frame: Frame): void;
  /** Any frame came, an answer or not. */
  heard(): void;
}

type Pending = Map<string, { resolve(answer: Frame): void; reject(error: ChatError): void }>;

/** One connection to a server: requests with their answers, and what the server says by itself. */
export class Exchange {
  /** Settles when the connection is over; every request without an answer has been rejected before. Never rejects. */
  readonly over: Promise<void>;
  readonly #link: ServerLink;
  readonly #pending: Pending;
  #lastId = 0;

  private constructor(link: ServerLink, pending: Pending, over: Promise<void>) {
    this.#link = link;
    this.#pending = pending;
    this.over = over;
  }

  /** Connects. @throws Whatever `dial` throws. */
  static async open(dial: Dial, handler: ExchangeHandler, signal: AbortSignal): Promise<Exchange> {
    const pending: Pending = new Map();
    const over = Promise.withResolvers<void>();
    const link = await dial(
      {
        line: (json) => receive(json, pending, handler),
        close() {
          const error = new ChatError("unavailable", "the connection was lost");
          for (const { reject } of pending.values()) reject(error);
          pending.clear();
          over.resolve();
        },
      },
      signal,
    );
    return new Exchange(link, pending, over.promise);
  }

  /**
   * Asks, under an id of its own or the one given.
   *
   * @param onAnswer Called with the `ok` at once, before any frame that follows it; the promise settles a little later.
   * @throws {ChatError} With the server's code; `unavailable` when the connection is lost before the answer.
   */
  request(frame: Record<string, unknown>, onAnswer?: (answer: Frame) => void): Promise<Frame> {
    this.#lastId += 1;
    const { id = `r${this.#lastId}` } = frame;
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    const settle = (answer: Frame) => {
      onAnswer?.(answer);
      resolve(answer);
    };
    this.#pending.set(String(id), { resolve: settle, reject });
    this.#link.write(JSON.stringify({ ...frame, id }));
    return promise;
  }

  /** Says something that has no answer. */
  tell(frame: Record<string, unknown>): void {
    this.#link.write(JSON.stringify(frame));
  }

  /** Sends what was written, then ends the connection; `over` follows. */
  close(): void {
    this.#link.close();
  }
}

function receive(json: string, pending: Pending, handler: ExchangeHandler): void {
  handler.heard();
  const frame = JSON.parse(json) as Frame;
  const answer = typeof frame.id === "string" && isAnswer(frame) ? pending.get(frame.id) : undefined;
  if (!answer) {
    handler.event(frame);
    return;
  }
  pending.delete(String(frame.id));
  if (frame.type === "error") answer.reject(toError(frame));
  else answer.resolve(frame);
}

function isAnswer(frame: Frame): boolean {
  return frame.type === "ok" || frame.type === "error" || frame.type === "pong";
}

function toError({ code, message, retry }: Frame): ChatError {
  const retryMs = typeof retry === "number" ? retry : undefined;
  return new ChatError(code as ErrorCode, String(message), { retryMs });
}
