import type { Clock, Timer } from "../../async/mod.ts";
import { ChatError } from "./errors.ts";
import type { Exchange, Frame } from "./exchange.ts";
import { Outbox, type Posted, type Sent, type Unsent } from "./outbox.ts";
import { randomId } from "./random_id.ts";

/** For how long the server remembers ids, less a margin: an older send cannot be told from a repeat. */
const ID_MEMORY_MS = 3_500_000;
/** How long sends to a receiver rest after one has failed, unless the server says how long: longer than it refuses those behind. */
const REST_MS = 600;

/** Sends messages until each is answered, however many connections that takes, keeping the order for each receiver. */
export class Sender {
  readonly #clock: Clock;
  readonly #maxUnsent: number;
  readonly #outbox = new Outbox();
  readonly #rests = new Map<string, Timer>();
  readonly #idPrefix = randomId().slice(0, 8);
  #lastId = 0;
  /** Goes up when a send was refused: the server refuses what left before that. */
  #round = 0;
  #exchange: Exchange | undefined;
  #closedBy: Error | undefined;

  constructor(maxUnsent: number, clock: Clock) {
    this.#maxUnsent = maxUnsent;
    this.#clock = clock;
  }

  /** See `ChatClient.post`. */
  post(to: string, text: string): Posted {
    this.#lastId += 1;
    const id = `${this.#idPrefix}-${this.#lastId}`;
    const refusal = this.#refusal();
    if (refusal) return { id, sent: Promise.reject(refusal) };
    const settle = Promise.withResolvers<Sent>();
    this.#outbox.add({ id, to, text, settle, firstMs: undefined, isFlying: false });
    this.#depart(to);
    return { id, sent: settle.promise };
  }

  /** There is a connection: all that waits goes out on it. */
  online(exchange: Exchange): void {
    this.#exchange = exchange;
    for (const to of this.#outbox.receivers) this.#depart(to);
  }

  /** The connection is gone: what has no answer waits for the next one. */
  offline(): void {
    this.#exchange = undefined;
    this.#cancelRests();
    this.#outbox.ground();
  }

  /** Rejects all that has no answer, what has left as `unknown`, and every later send. */
  close(error: Error): void {
    this.#closedBy = error;
    this.#exchange = undefined;
    this.#cancelRests();
    for (const { settle, firstMs } of this.#outbox.clear())
      settle.reject(firstMs === undefined ? error : unanswered(error));
  }

  #refusal(): Error | undefined {
    if (this.#closedBy || this.#outbox.size < this.#maxUnsent) return this.#closedBy;
    return new ChatError("rate_limited", `${this.#maxUnsent} messages wait for their answers`);
  }

  #depart(to: string): void {
    if (!this.#exchange) return;
    const { round, sends } = this.#outbox.depart(to, this.#round);
    const timely = sends.filter((send) => !this.#isTooOld(send));
    for (const send of timely) this.#transmit(this.#exchange, send, round);
    // In the places of those that were too old others may leave.
    if (timely.length < sends.length) this.#departNext(to);
  }

  #departNext(to: string): void {
    this.#depart(to);
    for (let held = this.#outbox.takeHeld(); held !== undefined; held = this.#outbox.takeHeld())
      this.#depart(held);
  }

  #isTooOld(send: Unsent): boolean {
    const now = this.#clock.now();
    send.firstMs ??= now;
    if (now - send.firstMs <= ID_MEMORY_MS) return false;
    this.#outbox.remove(send);
    send.settle.reject(
      new ChatError("unknown", "it had no answer for so long that the server cannot tell whether it has it"),
    );
    return true;
  }

  #transmit(exchange: Exchange, send: Unsent, round: number): void {
    const { id, to, text } = send;
    const asker = {
      answered: (answer: Frame) => this.#succeed(send, answer),
      refused: (error: ChatError) => {
        // Of a connection that is gone, `offline` takes care.
        if (exchange === this.#exchange) this.#fail(send, round, error);
      },
    };
    exchange.ask({ type: "send", id, to, text, round }, asker);
  }

  #succeed(send: Unsent, answer: Frame): void {
    this.#outbox.remove(send);
    send.settle.resolve(answer as unknown as Sent);
    this.#goOn(send.to, REST_MS);
  }

  #fail(send: Unsent, round: number, error: ChatError): void {
    const { code, retryMs = REST_MS } = error;
    if (code === "unavailable" || code === "rate_limited") {
      this.#round = Math.max(this.#round, round + 1);
      this.#outbox.failed(send);
    } else {
      this.#outbox.remove(send);
      send.settle.reject(error);
    }
    this.#goOn(send.to, retryMs);
  }

  /** Lets those go whose turn has come now that a send to a receiver was answered. */
  #goOn(to: string, restMs: number): void {
    if (this.#outbox.isGrounded(to)) this.#rest(to, restMs);
    this.#departNext(to);
  }

  #rest(to: string, delayMs: number): void {
    this.#rests.get(to)?.cancel();
    const timer = this.#clock.after(delayMs, () => {
      this.#rests.delete(to);
      this.#outbox.rested(to);
      this.#depart(to);
    });
    this.#rests.set(to, timer);
  }

  #cancelRests(): void {
    for (const timer of this.#rests.values()) timer.cancel();
    this.#rests.clear();
  }
}

function unanswered(error: Error): ChatError {
  const message = `${error.message}; whether the server has the message is not known`;
  return new ChatError("unknown", message, { cause: error });
}
