import { BYTES_PER_UNIT, type ErrorCode, MAX_CLIENT_FRAME_BYTES } from "../protocol.ts";
import type { Dial, ServerLink } from "./dial.ts";
import { ChatError } from "./errors.ts";

/** A frame from the server. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Asks a server for something. @throws {ChatError} As {@linkcode Exchange.request}. */
export type Ask = (request: Readonly<Record<string, unknown>>) => Promise<Frame>;

/** What an {@linkcode Exchange} tells. */
export interface ExchangeHandler {
  /** A frame that answers no request. */
  event(frame: Frame): void;
  /** Something came: any frame, an answer or not, or a part of one. */
  heard(): void;
}

/** Who waits for an answer: one of the two is called, once. */
export interface Asker {
  /** The server said `ok`, or `pong`. Called before any frame that follows it is looked at. */
  answered(answer: Frame): void;
  /** The server said `error`, or the connection was lost before the answer. */
  refused(error: ChatError): void;
}

/** The requests without an answer; undefined once the connection is over. */
interface Waiting {
  pending: Map<string, Asker> | undefined;
}

/** One connection to a server: requests with their answers, and what the server says by itself. */
export class Exchange {
  /** Settles when the connection is over; every request without an answer has been rejected before. Never rejects. */
  readonly over: Promise<void>;
  readonly #link: ServerLink;
  readonly #waiting: Waiting;
  #lastId = 0;

  private constructor(link: ServerLink, waiting: Waiting, over: Promise<void>) {
    this.#link = link;
    this.#waiting = waiting;
    this.over = over;
  }

  /** Connects. @throws Whatever `dial` throws. */
  static async open(dial: Dial, handler: ExchangeHandler, signal: AbortSignal): Promise<Exchange> {
    const waiting: Waiting = { pending: new Map() };
    const over = Promise.withResolvers<void>();
    const link = await dial(
      {
        heard: () => handler.heard(),
        line: (json) => receive(json, waiting, handler),
        close() {
          const left = waiting.pending;
          waiting.pending = undefined;
          for (const asker of left?.values() ?? []) asker.refused(connectionLost());
          over.resolve();
        },
      },
      signal,
    );
    return new Exchange(link, waiting, over.promise);
  }

  /**
   * Asks, under an id of its own or the one given.
   *
   * @param onAnswer Called with the `ok` at once, before any frame that follows it; the promise settles a little later.
   * @throws {ChatError} With the server's code; `too_large` for a frame that the server would not take, which is not sent; `unavailable` when the
   * connection is lost before the answer.
   */
  request(frame: Record<string, unknown>, onAnswer?: (answer: Frame) => void): Promise<Frame> {
    return new Promise((resolve, refused) => {
      const answered = (answer: Frame): void => {
        onAnswer?.(answer);
        resolve(answer);
      };
      this.#lastId += 1;
      const { id = `r${this.#lastId}` } = frame;
      this.ask({ ...frame, id: String(id) }, { answered, refused });
    });
  }

  /** Asks under the frame's own id, like {@linkcode request}, but without a promise: what is asked most is asked so. */
  ask(frame: Readonly<Record<string, unknown>> & { readonly id: string }, asker: Asker): void {
    const { pending } = this.#waiting;
    const json = JSON.stringify(frame);
    const error = pending ? tooLarge(json) : connectionLost();
    // Not at once: nobody expects the answer within the question.
    if (error) queueMicrotask(() => asker.refused(error));
    else {
      pending?.set(frame.id, asker);
      this.#link.write(json);
    }
  }

  /** Says something that has no answer. */
  tell(frame: Record<string, unknown>): void {
    this.#link.write(JSON.stringify(frame));
  }

  /** Sends what was written, then ends the connection; `over` follows. */
  close(): void {
    this.#link.close();
  }

  /** Ends the connection at once: the server does not answer. `over` follows. */
  abort(): void {
    this.#link.abort();
  }
}

/** The server would close the connection, and not say which request it was. */
function tooLarge(json: string): ChatError | undefined {
  if (json.length * BYTES_PER_UNIT <= MAX_CLIENT_FRAME_BYTES) return undefined;
  const { length } = new TextEncoder().encode(json);
  if (length <= MAX_CLIENT_FRAME_BYTES) return undefined;
  return new ChatError(
    "too_large",
    `a frame has at most ${MAX_CLIENT_FRAME_BYTES} bytes, this one would have ${length}`,
  );
}

function connectionLost(): ChatError {
  return new ChatError("unavailable", "the connection was lost");
}

function receive(json: string, { pending }: Waiting, handler: ExchangeHandler): void {
  handler.heard();
  const frame = JSON.parse(json) as Frame;
  const answer = typeof frame.id === "string" && isAnswer(frame) ? pending?.get(frame.id) : undefined;
  if (!answer) {
    handler.event(frame);
    return;
  }
  pending?.delete(String(frame.id));
  if (frame.type === "error") answer.refused(toError(frame));
  else answer.answered(frame);
}

function isAnswer(frame: Frame): boolean {
  return frame.type === "ok" || frame.type === "error" || frame.type === "pong";
}

function toError({ code, message, retry, attempt }: Frame): ChatError {
  const options = { retryMs: toNumber(retry), attempt: toNumber(attempt) };
  return new ChatError(code as ErrorCode, String(message), options);
}

function toNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
