import type { Delivery } from "../delivery/delivery.ts";
import { frameLine } from "../frame_line.ts";
import { MAX_QUEUED_BYTES } from "../limits.ts";
import {
  type ClosingReason,
  errorFrame,
  MAX_CLIENT_FRAME_BYTES,
  ProtocolError,
  type ServerFrame,
} from "../protocol.ts";
import { parseRequest } from "../requests/parse_request.ts";
import type { Request } from "../requests/request.ts";
import type { Link } from "./link.ts";
import { Liveness } from "./liveness.ts";
import { MessageRate } from "./message_rate.ts";
import { isOutage } from "./request_failures.ts";
import { RequestTurns } from "./request_turns.ts";
import type { SessionContext } from "./session_context.ts";
import { WaitingFrames } from "./waiting_frames.ts";

/** Options for a {@linkcode Session}. */
export interface SessionOptions {
  /** Names the session among all of the cluster. */
  readonly id: string;
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
      /** Wall time of the login, in milliseconds. */
      readonly since: number;
      readonly delivery: Delivery;
    }
  | { readonly name: "closed" };

/** A session whose user is known. */
export type Online = Extract<Phase, { name: "online" }>;

/** Bad frames in a row after which a connection is closed. */
const MAX_BAD_FRAMES = 10;

/**
 * One client's connection: reads its frames, answers them, and lets its messages flow once it has logged in.
 *
 * Requests are taken in order. `send`, `ack` and `ping` do not wait for each other; every other one is finished before the next
 * frame is looked at, so that a client may write `login` and `send` in one go, and waits for the sends before it, but for `signal`. While frames wait, or the client does not read
 * its answers, nothing more is read from it.
 */
export class Session {
  readonly id: string;
  readonly link: Link;
  readonly context: SessionContext;
  readonly isTrusted: boolean;
  /** When it connected, as wall time in milliseconds. */
  readonly openedAt: number;
  readonly #answer: Answer;
  readonly #rate: MessageRate;
  readonly #liveness: Liveness;
  #phase: Phase = { name: "guest" };
  /** Frames that came while an earlier one was being worked on. */
  readonly #waiting = new WaitingFrames();
  readonly #turns = new RequestTurns();
  #isPaused = false;
  /** The client will send no more: once all it asked is answered, the connection is closed. */
  #isLast = false;
  #badFrames = 0;
  /** Nothing but `ping` has come. */
  #onlyPings = true;

  constructor(link: Link, context: SessionContext, { id, answer, isTrusted }: SessionOptions) {
    const { clock, limits } = context;
    this.id = id;
    this.link = link;
    this.context = context;
    this.isTrusted = isTrusted;
    this.openedAt = clock.wallNow();
    this.#answer = answer;
    this.#rate = new MessageRate(limits.messagesPerSecond, clock);
    this.#liveness = new Liveness(link, clock, limits);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** For how long the client has said nothing, in milliseconds. */
  get idleMs(): number {
    return this.#liveness.idleMs;
  }

  /** Bytes have come from the client, be they a whole frame or not. */
  heard(): void {
    this.#liveness.heard();
  }

  /** Takes the next frame from the client. @returns Whether to go on: false drops what follows. */
  receive(frame: Uint8Array): boolean {
    if (this.#phase.name === "closed") return false;
    if (frame.length > MAX_CLIENT_FRAME_BYTES) this.refuseLong();
    else if (this.#waiting.isFull) this.refuse("too many frames wait to be worked on");
    else if (this.#waiting.isEmpty && this.#canTake()) this.#take(frame);
    else this.#waiting.add(frame);
    this.#flow();
    return this.#isOpen();
  }

  /** Something has come that is no frame. */
  receiveForeign(what: string): void {
    if (this.#isOpen()) this.#refuseFrame(undefined, new ProtocolError("bad_frame", what));
  }

  /** A frame is longer than it may be: says so, then closes. */
  refuseLong(): void {
    if (this.#phase.name === "closed") return;
    const message = `a frame has at most ${MAX_CLIENT_FRAME_BYTES} bytes`;
    this.#writeError(undefined, new ProtocolError("too_large", message));
    this.#end();
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
    const { presence } = this.context;
    this.#phase = phase;
    if (phase.name === "guest") this.#liveness.becameGuest();
    if (phase.name === "online") presence.entered(phase.user);
    if (left.name !== "online") return;
    presence.left(left.user);
    this.#leave(left.delivery);
  }

  /** The session's login stands for another token from now on. */
  renewToken(token: string): void {
    if (this.#phase.name === "online") this.#phase = { ...this.#phase, token };
  }

  /** Says why, then closes; what was answered before still arrives. */
  close(reason: ClosingReason, afterMs = 0): void {
    if (this.#phase.name === "closed") return;
    this.write({ type: "closing", reason, after: afterMs });
    this.#end();
  }

  /** Says why this connection cannot be served, then closes it. */
  refuse(message: string): void {
    if (this.#phase.name === "closed") return;
    this.#writeError(undefined, new ProtocolError("rate_limited", message, { retryMs: 10_000 }));
    this.#end();
  }

  /** Tells the client to go elsewhere within `afterMs`; it may stay until it is closed. */
  announceDrain(afterMs: number): void {
    if (this.#phase.name !== "closed") this.write({ type: "closing", reason: "draining", after: afterMs });
  }

  /** The connection is gone. */
  gone(): void {
    this.#waiting.clear();
    this.#turns.clear();
    this.enter({ name: "closed" });
  }

  /** Closes the session if it has been silent, without a login, or without reading for too long. */
  sweep(): void {
    const isGuest = this.#phase.name === "guest" && !(this.isTrusted && this.#onlyPings);
    const reason = this.#liveness.sweep({ isGuest, isBusy: this.#turns.isBusy });
    if (reason) this.close(reason);
  }

  /** Sends one frame. */
  write(frame: ServerFrame): void {
    this.link.write(frameLine(frame));
  }

  /** Sends a frame that may be missed, if the session is logged in and its client keeps up. */
  pass(line: Uint8Array): void {
    if (this.#phase.name === "online") this.#phase.delivery.pass(line);
  }

  /**
   * Counts one message of this session.
   *
   * @param round The round that a send names.
   * @throws {ProtocolError} `rate_limited` when the session sends faster than its limit; `unavailable` just after another was.
   */
  takeMessageToken(round?: number): void {
    this.#rate.take(round);
  }

  #leave(delivery: Delivery): void {
    const { leaving, onError } = this.context;
    const left = delivery
      .close()
      .catch((error: unknown) => onError(error, { during: "leave" }))
      .finally(() => leaving.delete(left));
    leaving.add(left);
  }

  #isOpen(): boolean {
    return this.#phase.name !== "closed";
  }

  #canTake(): boolean {
    return this.#turns.isOpen && this.link.queuedBytes < MAX_QUEUED_BYTES;
  }

  #take(line: Uint8Array): void {
    const parsed = parseRequest(line);
    if ("error" in parsed) {
      this.#refuseFrame(parsed.id, parsed.error);
      return;
    }
    const { request } = parsed;
    this.#badFrames = 0;
    if (request.type !== "ping") this.#onlyPings = false;
    if (this.#turns.take(request)) this.#work(request);
  }

  #refuseFrame(frameId: string | undefined, error: ProtocolError): void {
    this.#writeError(frameId, error);
    this.#badFrames += 1;
    if (this.#badFrames >= MAX_BAD_FRAMES) this.#end();
  }

  #work(request: Request): void {
    try {
      const work = this.#answer(this, request);
      if (work === undefined) return;
      this.#turns.begun(request);
      // Owned by the counters: whatever comes of it, `#finish` runs.
      void work.then(
        () => this.#finish(request),
        (error: unknown) => {
          this.#fail(request, error);
          this.#finish(request);
        },
      );
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #fail(request: Request, error: unknown): void {
    this.context.failures.take(error, request.type);
    if (request.type === "send" && isOutage(error)) this.#rate.failed(request.round ?? undefined);
    this.#writeError(request.id ?? undefined, error);
  }

  #writeError(frameId: string | undefined, error: unknown): void {
    const { refused } = this.context.counters;
    const code = error instanceof ProtocolError ? error.code : "internal";
    refused.set(code, (refused.get(code) ?? 0) + 1);
    this.write(errorFrame(frameId, error));
  }

  #finish(request: Request): void {
    const next = this.#turns.finished(request);
    if (next && this.#isOpen()) this.#work(next);
    this.#advance();
  }

  #advance(): void {
    while (this.#phase.name !== "closed" && this.#canTake()) {
      const line = this.#waiting.take();
      if (!line) break;
      this.#take(line);
    }
    if (this.#isLast && this.#turns.isIdle && this.#waiting.isEmpty) this.#end();
    else this.#flow();
  }

  /** Reads on, or stops reading, as there is room for what comes. */
  #flow(): void {
    const isFull = !this.#canTake() || !this.#waiting.isEmpty;
    if (isFull === this.#isPaused || this.#phase.name === "closed") return;
    this.#isPaused = isFull;
    if (isFull) this.link.pause();
    else this.link.resume();
  }

  #end(): void {
    if (this.#phase.name === "closed") return;
    this.gone();
    this.link.close();
  }
}
