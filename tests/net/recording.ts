/**
 * Handlers that record what happens to connections, pairs of connections, and bytes that are checked one by one.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { withDeadline } from "../../src/async/mod.ts";
import type {
  Address,
  CloseReason,
  Connection,
  ConnectionHandler,
  Driver,
  Listener,
} from "../../src/net/mod.ts";

/** The longest that a test waits for one event, in milliseconds. */
export const DEADLINE_MS = 20_000;

/** Where tests listen. */
export const LOOPBACK: Address = { host: "127.0.0.1", port: 0 };

/** What a connection reported when it was over. */
export interface Closed {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
}

/** Records everything that happens to one connection. */
export class Recorder implements ConnectionHandler {
  readonly chunks: Uint8Array[] = [];
  /** The names of the events, in order; `data` once for each row of chunks. */
  readonly events: string[] = [];
  bytes = 0;
  /** Called with each chunk, instead of keeping it. */
  onData: ((connection: Connection, chunk: Uint8Array) => void) | undefined;
  onDrain: ((connection: Connection) => void) | undefined;
  onEnd: ((connection: Connection) => void) | undefined;
  readonly #ended = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<Closed>();
  readonly #waiting = new Set<() => void>();

  get ended(): Promise<void> {
    return withDeadline(this.#ended.promise, DEADLINE_MS, "see the other side end");
  }

  get closed(): Promise<Closed> {
    return withDeadline(this.#closed.promise, DEADLINE_MS, "see the connection close");
  }

  /** Resolves when the other side is gone: by its end where its driver cannot send a reset. */
  get gone(): Promise<unknown> {
    const gone = Promise.race([this.#ended.promise, this.#closed.promise]);
    return withDeadline(gone, DEADLINE_MS, "see the other side go");
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Resolves when this many bytes came. */
  async received(bytes: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      const check = (): void => {
        if (this.bytes >= bytes) resolve();
      };
      this.#waiting.add(check);
      check();
    });
    await withDeadline(enough, DEADLINE_MS, `receive ${bytes} bytes, received ${this.bytes}`);
  }

  data(connection: Connection, chunk: Uint8Array): void {
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.bytes += chunk.length;
    if (this.onData) this.onData(connection, chunk);
    else this.chunks.push(chunk);
    for (const check of this.#waiting) check();
  }

  drain(connection: Connection): void {
    this.events.push("drain");
    this.onDrain?.(connection);
  }

  end(connection: Connection): void {
    this.events.push("end");
    this.#ended.resolve();
    this.onEnd?.(connection);
  }

  close(_: Connection, reason: CloseReason, error?: Error): void {
    this.events.push("close");
    this.#closed.resolve({ reason, error });
  }
}

/** One side of a connection, and what happened to it. */
export interface Side {
  readonly connection: Connection;
  readonly recorder: Recorder;
}

/** A dialed and an accepted connection, which are each other's peers. */
export interface ConnectionPair extends AsyncDisposable {
  readonly client: Side;
  readonly server: Side;
  readonly listener: Listener;
}

/** Connects through `driver`; disposing aborts what is still open. */
export async function connectionPair(
  driver: Driver,
  address: Address = LOOPBACK,
  acceptor: Driver = driver,
): Promise<ConnectionPair> {
  const accepted = Promise.withResolvers<Side>();
  let isFirst = true;
  const listener = await acceptor.listen(address, (connection) => {
    const recorder = new Recorder();
    if (isFirst) accepted.resolve({ connection, recorder });
    else connection.close();
    isFirst = false;
    return recorder;
  });
  const recorder = new Recorder();
  const connection = await driver.connect(listener.address, recorder);
  const client = { connection, recorder };
  const server = await withDeadline(accepted.promise, DEADLINE_MS, "accept");
  return {
    client,
    server,
    listener,
    async [Symbol.asyncDispose]() {
      client.connection.abort();
      server.connection.abort();
      await Promise.all([client.recorder.closed, server.recorder.closed, listener.close()]);
    },
  };
}

/** Random bytes that repeat after a prime number of them, so that a chunk that is lost, doubled or moved does not fit. */
const PATTERN_BYTES = 65_537;
const PATTERN: Buffer = pattern();

function pattern(): Buffer {
  const bytes = Buffer.alloc(PATTERN_BYTES);
  let state = 0x25_45_f4_91;
  for (let index = 0; index < PATTERN_BYTES; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return Buffer.concat([bytes, bytes]);
}

/** The bytes of the pattern at `offset`. */
export function patternAt(offset: number, length: number): Uint8Array {
  const whole = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const start = (offset + done) % PATTERN_BYTES;
    done += PATTERN.copy(whole, done, start, Math.min(PATTERN.length, start + length - done));
  }
  return whole;
}

/** Compares a stream of bytes with the pattern, byte for byte. */
export class PatternChecker {
  offset = 0;

  /** @throws {Error} Where a byte differs. */
  check(chunk: Uint8Array): void {
    if (Buffer.compare(patternAt(this.offset, chunk.length), chunk) !== 0)
      throw new Error(`bytes differ after ${this.offset}`);
    this.offset += chunk.length;
  }
}

/** Writes `total` bytes of the pattern as fast as the other side takes them, then ends, or stays as it is. */
export function sendPattern(
  side: Side,
  total: number,
  chunkBytes: number = 64 * 1024,
  then: "ends" | "stays" = "ends",
): void {
  let sent = 0;
  const go = (): void => {
    while (sent < total) {
      const chunk = patternAt(sent, Math.min(chunkBytes, total - sent));
      sent += chunk.length;
      if (!side.connection.write(chunk)) return;
    }
    side.recorder.onDrain = undefined;
    if (then === "ends") side.connection.end();
  };
  side.recorder.onDrain = go;
  go();
}

/** Reads the pattern; `pause` after each chunk slows the other side down. */
export function checkPattern(side: Side, pause?: (connection: Connection) => void): PatternChecker {
  const checker = new PatternChecker();
  side.recorder.onData = (connection, chunk) => {
    checker.check(chunk);
    pause?.(connection);
  };
  return checker;
}
