import { type Clock, TokenBucket } from "../async/mod.ts";
import { LineDecoder } from "../wire/mod.ts";
import type { Delivery } from "./delivery.ts";
import { MAX_QUEUED_BYTES, SLOW_MS } from "./limits.ts";
import type { Link } from "./link.ts";
import { parseRequest } from "./parse_request.ts";
import {
  type ClosingReason,
  encodeFrame,
  errorFrame,
  MAX_CLIENT_FRAME_BYTES,
  ProtocolError,
  type Request,
  type ServerFrame,
} from "./protocol.ts";
import type { SessionContext } from "./session_context.ts";

/** Options for a {@linkcode Session}. */
export interface SessionOptions {
  readonly answer: Answer;
  /** Whether the client is a balancer of ours, which may ping for as long as it likes without a login. */
  readonly isTrusted: boolean;
}

/**
 * Does what a client asks for and writes the answer.
 *
 * @returns A promise when there is something to wait for; its rejection, like a throw, becomes the `error` frame.
 */
export type Answer = (session: Session, request: Request) => Promise<void> | undefined;

/** Who a session is: nobody yet, a user's device, or over. */
export type Phase =
  | { readonly name: "guest" }
  | {
      readonly name: "online";
      readonly user: string;
      readonly device: string;
      readonly token: string;
      readonly delivery: Delivery;
    }
  | { readonly name: "closed" };

/** Until when every message is refused, and how. */
interface Refusal {
  readonly code: "rate_limited" | "unavailable";
  readonly untilMs: number;
}

/** Bad frames in a row after which a connection is closed. */
const MAX_BAD_FRAMES = 10;
/** Sends of one session under way at once; further frames wait. */
const MAX_SENDS = 256;
/** The least time for which messages are refused once one was, in milliseconds: longer than most round trips. */
const MIN_REFUSAL_MS = 500;

/**
 * One client's connection: reads its frames, answers them, and lets its messages flow once it has logged in.
 *
 * Requests are taken in order. `send`, `ack` and `ping` do not wait for each other; every other one is finished before the next
 * frame is looked at, so that a client may write `login` and `send` in one go. While frames wait, or the client does not read
 * its answers, nothing more is read from it.
 */
export class Session {
  readonly link: Link;
  readonly context: SessionContext;
  readonly isTrusted: boolean;
  readonly #answer: Answer;
  readonly #decoder: LineDecoder;
  readonly #messages: TokenBucket | undefined;
  #phase: Phase = { name: "guest" };
  /** Since when nobody is logged in. */
  #guestSinceMs: number;
  /** Frames that came while an earlier one was being worked on, at most what one chunk held; taken from `#nextWaiting` on. */
  #waiting: Uint8Array[] = [];
  #nextWaiting = 0;
  #isBusy = false;
  #isPaused = false;
  /** The client will send no more: once all it asked is answered, the connection is closed. */
  #isLast = false;
  #sends = 0;
  #badFrames = 0;
  /** Nothing but `ping` has come. */
  #onlyPings = true;
  #refusal: Refusal = { code: "rate_limited", untilMs: 0 };
  #heardMs: number;
  /** When the client was last seen to have taken something, or to have nothing to take; and how much it had taken by then. */
  #takenMs: number;
  #takenBytes = 0;

  constructor(link: Link, context: SessionContext, { answer, isTrusted }: SessionOptions) {
    this.#answer = answer;
    this.isTrusted = isTrusted;
    const { clock, limits } = context;
    this.link = link;
    this.context = context;
    this.#heardMs = clock.now();
    this.#takenMs = this.#heardMs;
    this.#guestSinceMs = this.#heardMs;
    this.#messages = bucketFor(limits.messagesPerSecond, clock);
    this.#decoder = new LineDecoder(MAX_CLIENT_FRAME_BYTES, {
      line: (line) => this.#receive(line),
      tooLong: () => this.#refuseLine(),
    });
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Takes the next bytes from the client. */
  receive(chunk: Uint8Array): void {
    this.#heardMs = this.context.clock.now();
    this.#decoder.push(chunk);
  }

  /** The client will send no more; what it asked is still answered. */
  ended(): void {
    this.#isLast = true;
    this.#advance();
  }

  /** The client has taken all that was queued for it. */
  drained(): void {
    if (this.#phase.name === "online") this.#phase.delivery.drained();
    this.#advance();
  }

  /** Becomes `phase`. A delivery that is left behind is closed. */
  enter(phase: Phase): void {
    const left = this.#phase;
    if (left.name === "closed") return;
    this.#phase = phase;
    if (phase.name === "guest") this.#guestSinceMs = this.context.clock.now();
    if (left.name !== "online") return;
    left.delivery.close().catch((error: unknown) => this.context.onError(error, { during: "leave" }));
  }

  /** Says why, then closes; what was answered before still arrives. */
  close(reason: ClosingReason, afterMs = 0): void {
    if (this.#phase.name === "closed") return;
    this.write({ type: "closing", reason, after: afterMs });
    this.#end();
  }

  /** Says why this connection cannot be served, then closes it. */
  refuse(message: string): void {
    this.write(errorFrame(undefined, new ProtocolError("rate_limited", message, { retryMs: 10_000 })));
    this.#end();
  }

  /** Tells the client to go elsewhere within `afterMs`; it may stay until it is closed. */
  announceDrain(afterMs: number): void {
    if (this.#phase.name !== "closed") this.write({ type: "closing", reason: "draining", after: afterMs });
  }

  /** The connection is gone. */
  gone(): void {
    this.#forgetWaiting();
    this.enter({ name: "closed" });
  }

  /** Closes the session if it has been silent, without a login, or without reading for too long. */
  sweep(): void {
    const { clock, limits } = this.context;
    const now = clock.now();
    const { queuedBytes, takenBytes } = this.link;
    if (queuedBytes === 0 || takenBytes !== this.#takenBytes) this.#takenMs = now;
    this.#takenBytes = takenBytes;
    const mayStay = this.#phase.name !== "guest" || (this.isTrusted && this.#onlyPings);
    const isLate = !mayStay && now - this.#guestSinceMs > (limits.loginTimeoutMs ?? Infinity);
    if (now - this.#takenMs > SLOW_MS) this.close("slow");
    else if (isLate || now - this.#heardMs > (limits.idleMs ?? Infinity)) this.close("idle");
  }

  /** Sends one frame. */
  write(frame: ServerFrame): void {
    this.link.write(encodeFrame(frame));
  }

  /**
   * Counts one message of this session.
   *
   * Once one is refused, so are those behind it that are on their way already: a client that sends them all again keeps their order.
   *
   * @throws {ProtocolError} `rate_limited` when the session sends faster than its limit; `unavailable` just after another was.
   */
  takeMessageToken(): void {
    const now = this.context.clock.now();
    if (now < this.#refusal.untilMs) this.#throwRefusal(now);
    if (!this.#messages || this.#messages.take()) return;
    this.#refuseSends("rate_limited", Math.max(this.#messages.waitMs(), MIN_REFUSAL_MS));
    this.#throwRefusal(now);
  }

  #refuseSends(code: Refusal["code"], forMs: number): void {
    this.#refusal = { code, untilMs: this.context.clock.now() + forMs };
  }

  #throwRefusal(now: number): never {
    const { code, untilMs } = this.#refusal;
    const message =
      code === "rate_limited" ? "too many messages" : "a message before this one could not be stored";
    throw new ProtocolError(code, message, { retryMs: Math.ceil(untilMs - now) });
  }

  #receive(line: Uint8Array): boolean {
    if (this.#waiting.length === 0 && this.#canTake()) this.#take(line);
    else this.#waiting.push(line);
    this.#flow();
    return this.#phase.name !== "closed";
  }

  #canTake(): boolean {
    return !this.#isBusy && this.#sends < MAX_SENDS && this.link.queuedBytes < MAX_QUEUED_BYTES;
  }

  #take(line: Uint8Array): void {
    const parsed = parseRequest(line);
    if ("error" in parsed) {
      this.write(errorFrame(parsed.id, parsed.error));
      this.#badFrames += 1;
      if (this.#badFrames >= MAX_BAD_FRAMES) this.#end();
      return;
    }
    this.#badFrames = 0;
    if (parsed.request.type !== "ping") this.#onlyPings = false;
    this.#work(parsed.request);
  }

  #work(request: Request): void {
    try {
      const work = this.#answer(this, request);
      if (work === undefined) return;
      if (request.type === "send") this.#sends += 1;
      else this.#isBusy = true;
      // Owned by the counters: whatever comes of it, `#finish` runs.
      void work.catch((error: unknown) => this.#fail(request, error)).finally(() => this.#finish(request));
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #fail(request: Request, error: unknown): void {
    if (!(error instanceof ProtocolError)) this.context.onError(error, { during: request.type });
    else if (error.code === "unavailable" && request.type === "send" && error.retryMs === undefined) {
      this.#refuseSends("unavailable", MIN_REFUSAL_MS);
    }
    this.write(errorFrame(request.id ?? undefined, error));
  }

  #finish(request: Request): void {
    if (request.type === "send") this.#sends -= 1;
    else this.#isBusy = false;
    this.#advance();
  }

  #advance(): void {
    while (this.#phase.name !== "closed" && this.#canTake()) {
      const line = this.#waiting[this.#nextWaiting];
      if (!line) break;
      this.#nextWaiting += 1;
      this.#take(line);
    }
    if (this.#nextWaiting >= this.#waiting.length) this.#forgetWaiting();
    if (this.#isLast && !this.#isBusy && this.#sends === 0 && this.#waiting.length === 0) this.#end();
    else this.#flow();
  }

  #forgetWaiting(): void {
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#nextWaiting = 0;
  }

  /** Reads on, or stops reading, as there is room for what comes. */
  #flow(): void {
    const isFull = !this.#canTake() || this.#waiting.length > 0;
    if (isFull === this.#isPaused || this.#phase.name === "closed") return;
    this.#isPaused = isFull;
    if (isFull) this.link.pause();
    else this.link.resume();
  }

  #refuseLine(): void {
    const message = `a frame has at most ${MAX_CLIENT_FRAME_BYTES} bytes`;
    this.write(errorFrame(undefined, new ProtocolError("too_large", message)));
    this.#end();
  }

  #end(): void {
    if (this.#phase.name === "closed") return;
    this.gone();
    this.link.close();
  }
}

function bucketFor(ratePerSecond: number | undefined, clock: Clock): TokenBucket | undefined {
  if (ratePerSecond === undefined) return undefined;
  return new TokenBucket({ ratePerSecond, burst: ratePerSecond * 2, now: () => clock.now() });
}
