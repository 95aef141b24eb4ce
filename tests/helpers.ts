/**
 * What several test files need: folders that go away, clients that speak the protocol by hand, clusters.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wait, withDeadline } from "../src/async/mod.ts";
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  formatAddress,
  systemDriver,
} from "../src/net/mod.ts";
import { LineDecoder } from "../src/wire/mod.ts";

/** The longest that a test waits for one thing, in milliseconds. */
export const DEADLINE_MS = 25_000;

/** Looks again and again until something is so that nobody tells of, but not for ever. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const latest = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > latest) throw new Error(`Cannot see ${what} within ${DEADLINE_MS} ms`);
    await wait(10);
  }
}

/** A folder of one's own, removed at the end. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "chorus-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A frame as it came. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** A client that says exactly what a test wants, and keeps everything it hears. */
export class RawClient implements AsyncDisposable {
  /** Every frame that came, in order. */
  readonly frames: Frame[] = [];
  /** Settles when the connection is over. */
  readonly closed: Promise<void>;
  readonly #waiting = new Set<() => void>();
  readonly #asked = new Map<unknown, PromiseWithResolvers<Frame>>();
  readonly #close: () => void;
  #connection: Connection | undefined;
  #socket: WebSocket | undefined;
  #isOver = false;
  #lastId = 0;
  /** The frames before this one were given out by `next`. */
  #taken = 0;

  private constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#close = resolve;
  }

  static async connect(address: Address): Promise<RawClient> {
    const client = new RawClient();
    const decoder = new LineDecoder(300_000, {
      line: (line) => client.#receive(JSON.parse(Buffer.from(line).toString())),
      tooLong: () => client.#connection?.abort(),
    });
    const handler: ConnectionHandler = {
      data: (_, chunk) => decoder.push(chunk),
      end: (connection) => connection.end(),
      close: () => client.#over(),
    };
    const connection = await systemDriver().connect(address, handler, { timeoutMs: DEADLINE_MS });
    client.#attach(connection);
    return client;
  }

  /** Connects by WebSocket. */
  static async open(address: Address, path = "/ws"): Promise<RawClient> {
    const client = new RawClient();
    await client.#openSocket(new WebSocket(`ws://${formatAddress(address)}${path}`));
    return client;
  }

  async #openSocket(socket: WebSocket): Promise<void> {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data))));
    socket.addEventListener("close", () => this.#over());
    // `close` follows.
    socket.addEventListener("error", () => undefined);
    const opened = new Promise<void>((resolve) => socket.addEventListener("open", () => resolve()));
    const refused = this.closed.then(() => {
      throw new Error("the WebSocket was refused");
    });
    await withDeadline(Promise.race([opened, refused]), DEADLINE_MS, "open a WebSocket");
    refused.catch(() => undefined);
  }

  /** Registers a user and logs in. */
  static async login(address: Address, name: string, more: object = {}): Promise<RawClient> {
    return await (await RawClient.connect(address)).#enter(name, more);
  }

  /** Does the same where the store was away: a server has several connections to it, and not all of them have to be back. */
  static async loginAgain(address: Address, name: string, more: object = {}): Promise<RawClient> {
    const client = await RawClient.connect(address);
    const register = { type: "register", name, password: "secret" };
    await eventually("the store", async () => (await client.ask(register)).code !== "unavailable");
    await eventually(
      "a login",
      async () => (await client.ask({ ...register, ...more, type: "login" })).type === "ok",
    );
    return client;
  }

  /** Registers a user and logs in by WebSocket. */
  static async loginWeb(address: Address | undefined, name: string, more: object = {}): Promise<RawClient> {
    if (!address) throw new Error("there is no HTTP side");
    return await (await RawClient.open(address)).#enter(name, more);
  }

  async #enter(name: string, more: object): Promise<RawClient> {
    await this.ask({ type: "register", name, password: "secret" });
    const answer = await this.ask({ type: "login", name, password: "secret", ...more });
    if (answer.type !== "ok") throw new Error(`cannot log in: ${JSON.stringify(answer)}`);
    return this;
  }

  /** The messages that came so far. */
  get messages(): Frame[] {
    return this.frames.filter(({ type }) => type === "message");
  }

  get connection(): Connection {
    if (!this.#connection) throw new Error("not connected");
    return this.#connection;
  }

  /** Writes bytes as they are. */
  write(text: string | Uint8Array): void {
    this.connection.write(Buffer.from(text));
  }

  /** Writes a frame. */
  tell(frame: object): void {
    if (this.#socket) this.#socket.send(JSON.stringify(frame));
    else this.write(`${JSON.stringify(frame)}\n`);
  }

  /** The WebSocket that it is connected by. */
  get socket(): WebSocket {
    if (!this.#socket) throw new Error("not connected by WebSocket");
    return this.#socket;
  }

  /** Writes a frame, with an id of its own if it has none, and waits for its answer. */
  async ask(frame: Readonly<Record<string, unknown>>): Promise<Frame> {
    this.#lastId += 1;
    const { id = `raw-${this.#lastId}` } = frame;
    if (this.#isOver) throw new Error(`closed before the question; last: ${this.#lastFrames()}`);
    const answer = Promise.withResolvers<Frame>();
    this.#asked.set(id, answer);
    this.tell({ ...frame, id });
    return await withDeadline(
      answer.promise,
      DEADLINE_MS,
      `see the answer to ${JSON.stringify(frame).slice(0, 200)}`,
    );
  }

  /** Waits for the next frame of a type that `next` has not given out before, and passes over those before it. */
  async next(type: string): Promise<Frame> {
    return await this.until(`a frame of type ${type}`, () => {
      for (let index = this.#taken; index < this.frames.length; index++) {
        const frame = this.frames[index];
        if (frame?.type !== type) continue;
        this.#taken = index + 1;
        return frame;
      }
      return undefined;
    });
  }

  /** Waits until `look` finds something in what came. */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve, reject) => {
      const check = (): void => {
        const value = look();
        if (value === undefined && !this.#isOver) return;
        this.#waiting.delete(check);
        if (value === undefined)
          reject(new Error(`closed while waiting for ${what}; last: ${this.#lastFrames()}`));
        else resolve(value);
      };
      this.#waiting.add(check);
      check();
    });
    return await withDeadline(found, DEADLINE_MS, `see ${what} (last: ${this.#lastFrames()})`);
  }

  /** Waits until there are `count` messages. */
  async hasMessages(count: number): Promise<Frame[]> {
    return await this.until(`${count} messages`, () =>
      this.messages.length >= count ? this.messages : undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket) this.#socket.close();
    else this.connection.abort();
    await this.closed;
  }

  #attach(connection: Connection): void {
    this.#connection = connection;
  }

  #lastFrames(): string {
    return JSON.stringify(this.frames.slice(-3)).slice(0, 500);
  }

  #receive(frame: Frame): boolean {
    this.frames.push(frame);
    if (frame.type !== "message") {
      this.#asked.get(frame.id)?.resolve(frame);
      this.#asked.delete(frame.id);
    }
    for (const check of [...this.#waiting]) check();
    return true;
  }

  #over(): void {
    this.#isOver = true;
    this.#close();
    for (const { reject } of this.#asked.values())
      reject(new Error(`closed before the answer; last: ${this.#lastFrames()}`));
    for (const check of [...this.#waiting]) check();
  }
}

/** Waits for something that a handler will report. */
export class Signal<T> {
  readonly #settle = Promise.withResolvers<T>();
  readonly fire: (value: T) => void = this.#settle.resolve;

  /** Waits, but not for ever. */
  wait(what: string): Promise<T> {
    return withDeadline(this.#settle.promise, DEADLINE_MS, `see ${what}`);
  }
}

/** An address of the loopback network from a ready line's `HOST:PORT`. */
export function toAddress(text: string): Address {
  const match = /^(?<host>.+):(?<port>\d+)$/.exec(text);
  if (!match?.groups?.host) throw new Error(`not an address: ${text}`);
  return { host: match.groups.host, port: Number(match.groups.port) };
}
