import { setImmediate } from "node:timers";
import { PresenceError } from "./contract.ts";

/** What is asked about users: `+` that they are here from now on, `-` that they no longer are, `?` whether they are anywhere. */
export type AskKind = "+" | "-" | "?";

/** One call about some users. */
export interface Ask {
  readonly kind: AskKind;
  readonly users: readonly string[];
}

/**
 * Answers asks in their order: for each its users' answers in theirs, or why it cannot be answered. For `+` and `-`: whether no other server
 * holds the user; for `?`: whether any does.
 */
export type CarryOut = (asks: readonly Ask[]) => Promise<readonly (readonly boolean[] | PresenceError)[]>;

/** Users of whom something may be asked at once; more is `unavailable`. */
const MAX_WAITING_USERS = 200_000;

interface Waiting extends Ask {
  resolve(answers: readonly boolean[]): void;
  reject(error: unknown): void;
}

/**
 * Puts what is asked in one turn of the event loop, or while a batch is under way, into one batch. One is under way at a time, so that
 * what is asked about a user keeps its order.
 */
export class AskQueue {
  readonly #carryOut: CarryOut;
  #waiting: Waiting[] = [];
  #waitingUsers = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(carryOut: CarryOut) {
    this.#carryOut = carryOut;
  }

  /** @throws {PresenceError} When it was closed, or too much waits; and whatever the batch rejects with. */
  ask(kind: AskKind, users: readonly string[]): Promise<readonly boolean[]> {
    if (this.#isClosed) return Promise.reject(unavailable("presence was closed"));
    if (this.#waitingUsers > MAX_WAITING_USERS) return Promise.reject(unavailable("too many ask at once"));
    const { promise, resolve, reject } = Promise.withResolvers<readonly boolean[]>();
    this.#waiting.push({ kind, users, resolve, reject });
    this.#waitingUsers += users.length;
    this.#running ??= this.#run();
    return promise;
  }

  /** Rejects what waits, and resolves when the batch under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#take()) reject(unavailable("presence was closed"));
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // After the turn, not in it: what other sessions ask in it comes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#runBatch(this.#take());
    this.#running = undefined;
  }

  #take(): readonly Waiting[] {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingUsers = 0;
    return batch;
  }

  async #runBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = await this.#carryOut(batch);
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index] ?? [];
        if (answer instanceof PresenceError) reject(answer);
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** Nobody can tell now, because of `reason`. */
export function unavailable(reason: string, options?: ErrorOptions): PresenceError {
  return new PresenceError(`Cannot tell who is online: ${reason}`, options);
}
