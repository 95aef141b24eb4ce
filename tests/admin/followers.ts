/**
 * Those who follow `GET /api/events`, as tests do: event by event.
 *
 * @module
 */
import { withDeadline } from "../../src/async/mod.ts";
import { DEADLINE_MS } from "../helpers.ts";

/** One event as it came. */
export interface FollowedEvent {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it, it says itself.
  readonly data: any;
}

/** Reads the events of a stream. */
export class EventReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next one; undefined at the end. */
  next(): Promise<FollowedEvent | undefined> {
    return withDeadline(this.#next(), DEADLINE_MS, "read an event");
  }

  /** Follows no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }

  async #next(): Promise<FollowedEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) return this.#take(end);
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  #take(end: number): FollowedEvent {
    const [, name = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(this.#text.slice(0, end)) ?? [];
    this.#text = this.#text.slice(end + 2);
    return { name, data: JSON.parse(data) };
  }
}

/** Follows a running admin server. */
export async function followEvents(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  const { status, body } = await fetch(url, { headers });
  if (status !== 200 || !body) throw new Error(`Cannot follow: status ${status}`);
  return new EventReader(body);
}
