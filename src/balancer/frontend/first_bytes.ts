import { Buffer } from "node:buffer";
import type { Clock, Timer } from "../../async/mod.ts";
import type { CloseReason, Connection, ConnectionHandler } from "../../net/mod.ts";
import type { Peek } from "../../wire/mod.ts";

/** How long a client's first bytes are waited for unless told otherwise, in milliseconds. */
export const PREREAD_MS = 3000;

/** Options for {@linkcode readFirst}. */
export interface FirstBytesOptions<T> {
  /** Bytes that were read before and are looked at first. */
  readonly head: Uint8Array;
  /** Looks at all bytes so far. At its limit it must say something else than `more`. */
  readonly look: (bytes: Uint8Array) => Peek<T>;
  /** How long all of them may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** What came of reading the first bytes of a connection. */
export type FirstFound<T> = Extract<Peek<T>, { readonly state: "found" }> | Missing;

/**
 * What was looked for is not there (`none`), or there was no more to look at: the time was over (`late`), the client sends no more
 * (`ended`), or it has gone (`gone`).
 */
export type Missing =
  | { readonly state: "none"; readonly reason: string }
  | { readonly state: "late" | "ended" | "gone" };

/** The first bytes of a connection and what they say. */
export interface FirstBytes<T> {
  /** All bytes that were read, the head included: they are the caller's to pass on. */
  readonly bytes: Uint8Array;
  readonly found: FirstFound<T>;
}

/**
 * Reads from a paused connection until its first bytes say something, and leaves it paused. Nothing is lost: what was read is in
 * `bytes`, the rest is still to be read, and the end or the close is told again to the handler that is set next.
 *
 * Holds at most what `look` wants to see and the chunk in which that ended.
 */
export function readFirst<T>(connection: Connection, options: FirstBytesOptions<T>): Promise<FirstBytes<T>> {
  const { head } = options;
  const known = head.length > 0 ? options.look(head) : undefined;
  if (known && known.state !== "more") return Promise.resolve({ bytes: head, found: known });
  return new Promise((resolve) => {
    connection.handle(new FirstBytesReader(connection, options, resolve));
    connection.resume();
  });
}

class FirstBytesReader<T> implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #look: (bytes: Uint8Array) => Peek<T>;
  readonly #resolve: (first: FirstBytes<T>) => void;
  readonly #timer: Timer;
  /** Room for more than what was read, so that a client who sends byte by byte costs no copy for each. */
  #room: Uint8Array;
  #length: number;
  #isDone = false;

  constructor(
    connection: Connection,
    { head, look, timeoutMs, clock }: FirstBytesOptions<T>,
    resolve: (first: FirstBytes<T>) => void,
  ) {
    this.#connection = connection;
    this.#look = look;
    this.#resolve = resolve;
    this.#room = head;
    this.#length = head.length;
    this.#timer = clock.after(timeoutMs, () => this.#finish({ state: "late" }));
  }

  data(_: Connection, chunk: Uint8Array): void {
    this.#append(chunk);
    const found = this.#look(this.#bytes());
    if (found.state !== "more") this.#finish(found);
  }

  end(): void {
    this.#finish({ state: "ended" });
  }

  close(_: Connection, _reason: CloseReason): void {
    this.#finish({ state: "gone" });
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#room = chunk;
    } else {
      if (length > this.#room.length) this.#grow(length);
      this.#room.set(chunk, this.#length);
    }
    this.#length = length;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#length));
    larger.set(this.#bytes());
    this.#room = larger;
  }

  #bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }

  #finish(found: FirstFound<T>): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#timer.cancel();
    this.#connection.pause();
    this.#resolve({ bytes: this.#bytes(), found });
  }
}
