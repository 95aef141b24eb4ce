import { wait } from "../../async/mod.ts";
import { type Channel, fromSent, type SentError } from "../../server/mod.ts";
import { type QuestionName, type Questions, WORKER_TOPICS, type WorkerReport } from "./contract.ts";

/** An answer on its way. */
export interface Answered {
  readonly serial: number;
  readonly answer?: unknown;
  readonly failed?: SentError;
}

/** How long a worker may take to answer, in milliseconds, unless told otherwise. */
const ANSWER_MS = 10_000;

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** The balancer's way to one worker. */
export class WorkerLink {
  /** Names the worker; never used again. */
  readonly number: number;
  /** What it was last told of others' connections, by the numbers of backends and frontends. */
  readonly toldBackends: Map<number, number> = new Map();
  readonly toldFrontends: Map<number, number> = new Map();
  toldClients = 0;
  /** Whether it has begun to serve. */
  isReady = false;
  readonly #channel: Channel;
  readonly #waiting = new Map<number, Waiting>();
  #lastSerial = 0;
  #isClosed = false;

  constructor(number: number, channel: Channel, onReport: (report: WorkerReport) => void) {
    this.number = number;
    this.#channel = channel;
    channel.on(WORKER_TOPICS.report, (body) => onReport(body as WorkerReport));
    channel.on(WORKER_TOPICS.answer, (body) => this.#hear(body as Answered));
  }

  send(topic: string, body: unknown): void {
    this.#channel.send(topic, body);
  }

  /**
   * Asks the worker.
   *
   * @returns Its answer; undefined when it is gone, or takes too long.
   * @throws What has failed there.
   */
  async ask<Name extends QuestionName>(
    name: Name,
    ask: Questions[Name]["ask"],
    withinMs: number = ANSWER_MS,
  ): Promise<Questions[Name]["answer"] | undefined> {
    if (this.#isClosed) return undefined;
    this.#lastSerial += 1;
    const serial = this.#lastSerial;
    const answered = new Promise<unknown>((resolve, reject) =>
      this.#waiting.set(serial, { resolve, reject }),
    );
    this.#channel.send(WORKER_TOPICS.ask, { serial, name, ask });
    const late = new AbortController();
    try {
      const silence = wait(withinMs, { signal: late.signal }).catch(() => undefined);
      // The worker runs the same code: it answers what was asked.
      return (await Promise.race([answered, silence])) as Questions[Name]["answer"] | undefined;
    } finally {
      late.abort();
      this.#waiting.delete(serial);
    }
  }

  /** The worker is gone: nobody waits for it any more. */
  close(): void {
    this.#isClosed = true;
    for (const { resolve } of this.#waiting.values()) resolve(undefined);
  }

  #hear({ serial, answer, failed }: Answered): void {
    const waiting = this.#waiting.get(serial);
    if (failed) waiting?.reject(fromSent(failed));
    else waiting?.resolve(answer);
  }
}
