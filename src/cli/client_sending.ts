import { type Clock, systemClock, type Timer, wait } from "../async/mod.ts";
import { type ChatClient, ChatError } from "../chat/mod.ts";
import { timeWords } from "./backend_words.ts";

/** Messages that wait for their answers; more lines are taken when the oldest has its own. */
const MAX_UNANSWERED = 1000;
/** Receivers that are named where messages were not sent. */
const MAX_NAMED = 10;

/** How long what is asked for is asked again, in milliseconds. */
const MAX_ASKING_MS = 60_000;

/** For how long answers are waited for. */
type Patience =
  | { readonly name: "endless" }
  /** Not longer than that since something happened. */
  | { readonly name: "limited"; readonly limitMs: number; readonly timer: Timer }
  /** Nothing is sent any more. */
  | { readonly name: "over"; readonly limitMs: number };

/** The messages that were sent and have no answer yet. */
export class Sending {
  readonly #problem: (line: string) => void;
  readonly #clock: Clock;
  readonly #unanswered = new Set<Promise<void>>();
  /** How many were given up, by their receivers. */
  readonly #lost = new Map<string, number>();
  #client: Pick<ChatClient, "send" | "close"> | undefined;
  #patience: Patience = { name: "endless" };

  /** @param problem Shows what went wrong. */
  constructor(problem: (line: string) => void, clock: Clock = systemClock) {
    this.#problem = problem;
    this.#clock = clock;
  }

  /** There is a client to send by. */
  start(client: Pick<ChatClient, "send" | "close">): void {
    this.#client = client;
  }

  /** Sends a message. Resolves when the next one may be sent. */
  async send(to: string, text: string): Promise<void> {
    if (!this.#client) return;
    const sending = this.#client.send(to, text).then(
      () => undefined,
      (error: unknown) => this.#failed(to, error),
    );
    this.#unanswered.add(sending);
    void sending.finally(() => {
      this.#unanswered.delete(sending);
      this.goOn();
    });
    const [oldest] = this.#unanswered;
    if (this.#unanswered.size >= MAX_UNANSWERED) await oldest;
  }

  /** From now on answers are waited for only so long since the last one, or since {@linkcode goOn}; then the client is closed. */
  hurry(limitMs: number): void {
    if (this.#patience.name === "endless") this.#limit(limitMs);
  }

  /** Something happened. */
  goOn(): void {
    if (this.#patience.name !== "limited") return;
    this.#patience.timer.cancel();
    this.#limit(this.#patience.limitMs);
  }

  /** Resolves when all is answered or given up. */
  async answered(): Promise<void> {
    await Promise.all(this.#unanswered);
  }

  /**
   * Asks again where the server asks to wait, as messages do by themselves: for a minute in all.
   *
   * @throws What `ask` does, and {@linkcode ChatError} `rate_limited` when it would take longer.
   */
  async askPatiently<T>(ask: () => Promise<T>): Promise<T> {
    const until = this.#clock.now() + MAX_ASKING_MS;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const retryMs =
          error instanceof ChatError && error.code === "rate_limited" ? error.retryMs : undefined;
        if (retryMs === undefined || this.#clock.now() + retryMs > until) throw error;
        await wait(retryMs, { clock: this.#clock });
      }
    }
  }

  /** Ends waiting, and says what was given up. */
  finish(): void {
    if (this.#patience.name === "limited") this.#patience.timer.cancel();
    if (this.#patience.name !== "over" || this.#lost.size === 0) return;
    const counts = Array.from(this.#lost, ([to, count]) => [`${count} to ${to}`, count] as const);
    const sum = counts.reduce((total, [, count]) => total + count, 0);
    const named = counts.slice(0, MAX_NAMED).map(([words]) => words);
    const others = counts.slice(MAX_NAMED).reduce((total, [, count]) => total + count, 0);
    if (others > 0) named.push(`${others} to others`);
    const what = `${sum} ${sum === 1 ? "message" : "messages"} not sent, as far as is known`;
    this.#problem(`— no answer for ${timeWords(this.#patience.limitMs)}: ${what}: ${named.join(", ")}`);
  }

  #limit(limitMs: number): void {
    const timer = this.#clock.after(limitMs, () => {
      this.#patience = { name: "over", limitMs };
      // What has no answer rejects, and so does what is sent later; `finish` says so once.
      void this.#client?.close();
    });
    this.#patience = { name: "limited", limitMs, timer };
  }

  #failed(to: string, error: unknown): void {
    const { code, message } =
      error instanceof ChatError ? error : { code: undefined, message: String(error) };
    if (this.#patience.name === "over" && (code === "closed" || code === "unknown")) {
      this.#lost.set(to, (this.#lost.get(to) ?? 0) + 1);
      return;
    }
    const what = code === "unknown" ? "perhaps not sent" : "not sent";
    this.#problem(`— ${what} to ${to}: ${message}`);
  }
}
