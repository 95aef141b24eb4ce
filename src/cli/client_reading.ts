import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import { type ChatClient, ChatError } from "../chat/mod.ts";

/** For how long what was shown is collected before the server is told, in milliseconds. */
const COLLECT_MS = 300;
/** Conversations that wait to be told; beyond it the oldest are left to their next message. */
const MAX_WAITING = 1000;

/** Tells the server what the user has seen. */
export class Reading {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, number>();
  #client: ChatClient | undefined;
  #timer: Timer | undefined;
  #telling: Promise<void> = Promise.resolve();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** There is a client to tell by. */
  start(client: ChatClient): void {
    this.#client = client;
    this.#schedule();
  }

  /** A message was shown. */
  shown(conversation: string, seq: number): void {
    if (seq <= (this.#waiting.get(conversation) ?? 0)) return;
    this.#waiting.set(conversation, seq);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    this.#schedule();
  }

  /** Tells what has not been told. To be called before the client is closed; later calls of `shown` have no effect. */
  async finish(): Promise<void> {
    this.#timer?.cancel();
    await this.#telling;
    await this.#tell();
    this.#timer?.cancel();
    this.#client = undefined;
  }

  #schedule(): void {
    if (this.#waiting.size === 0 || !this.#client) return;
    this.#timer ??= this.#clock.after(COLLECT_MS, () => {
      this.#timer = undefined;
      this.#telling = this.#telling.then(() => this.#tell());
    });
  }

  async #tell(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    const told = [...this.#waiting];
    this.#waiting.clear();
    await Promise.all(told.map((one) => this.#tellOne(client, one)));
  }

  async #tellOne(client: ChatClient, [conversation, seq]: readonly [string, number]): Promise<void> {
    try {
      await client.read(conversation, seq);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      // No connection, or too many at once: with what is shown next. Anything else, such as a group that was left, is past.
      const isLater = error.code === "unavailable" || error.code === "rate_limited";
      if (isLater && !this.#waiting.has(conversation)) this.#waiting.set(conversation, seq);
    }
  }
}
