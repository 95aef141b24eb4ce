/**
 * HTTP and WebSocket by hand: for what no client of a runtime would send.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { withDeadline } from "../../../src/async/mod.ts";
import { type Address, type Connection, systemDriver } from "../../../src/net/mod.ts";
import { DEADLINE_MS } from "../../helpers.ts";

const TEXT = 1;
const CLOSE = 8;
const PONG = 10;
/** The bytes of a frame's head, by the second of them. */
const HEAD_BYTES: Readonly<Record<number, number>> = { 126: 4, 127: 10 };

/** A frame of the WebSocket protocol: not more than 64 KiB of payload may follow. */
export function frameOf(opcode: number, payload: Uint8Array, isLast = true): Buffer {
  const head = payload.length < 126 ? Buffer.alloc(2) : Buffer.alloc(payload.length < 65_536 ? 4 : 10);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  if (head.length === 2) head[1] = 0x80 | payload.length;
  if (head.length === 4) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length, 2);
  }
  if (head.length === 10) {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  // A mask of zeros changes nothing.
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** What a client asks with. */
export interface HandRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes before the request, such as a PROXY header. */
  readonly before?: Uint8Array;
}

/** One connection to a server's HTTP side. */
export class HandSocket implements AsyncDisposable {
  /** Settles when it is over. */
  readonly closed: Promise<void>;
  readonly #close: () => void;
  readonly #looks = new Set<() => void>();
  #connection: Connection | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #isOver = false;

  private constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#close = resolve;
  }

  static async connect(address: Address): Promise<HandSocket> {
    const socket = new HandSocket();
    await socket.#open(address);
    return socket;
  }

  /** Connects, and asks for a WebSocket. @returns The status of the answer, too. */
  static async upgrade(
    address: Address,
    { before, headers = {}, path = "/ws" }: HandRequest = {},
  ): Promise<{ readonly socket: HandSocket; readonly status: number }> {
    const socket = await HandSocket.connect(address);
    if (before) socket.connection.write(before);
    const status = await socket.ask({
      path,
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      },
    });
    return { socket, status };
  }

  get connection(): Connection {
    if (!this.#connection) throw new Error("not connected");
    return this.#connection;
  }

  /** Asks for something. @returns The status of the answer; its head is taken off what has come. */
  async ask(request: HandRequest): Promise<number> {
    return Number((await this.askForHead(request)).split(" ")[1]);
  }

  /** Asks for something. @returns The head of the answer, taken off what has come. */
  async askForHead({ path = "/", method = "GET", headers = {} }: HandRequest): Promise<string> {
    const lines = Object.entries({ host: "chat.test", ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.connection.write(Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`));
    return await this.until("the head of an answer", () => {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      const text = this.#bytes.subarray(0, end).toString();
      this.#bytes = this.#bytes.subarray(end + 4);
      return text;
    });
  }

  /** Sends a frame of the chat protocol. */
  tell(frame: object): void {
    this.connection.write(frameOf(TEXT, Buffer.from(JSON.stringify(frame))));
  }

  /** Waits for the next message of the server, answers to pings aside; undefined for its goodbye. */
  async message(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { opcode, payload } = await this.until("a message", () => this.#takeFrame());
    if (opcode === PONG) return await this.message();
    return opcode === CLOSE ? undefined : JSON.parse(payload.toString());
  }

  /** Waits until `look` finds something in what came. */
  async until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve, reject) => {
      const check = (): void => {
        const value = look();
        if (value === undefined && !this.#isOver) return;
        this.#looks.delete(check);
        if (value === undefined) reject(new Error(`closed while waiting for ${what}`));
        else resolve(value);
      };
      this.#looks.add(check);
      check();
    });
    return await withDeadline(found, DEADLINE_MS, `see ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.abort();
    await this.closed;
  }

  async #open(address: Address): Promise<void> {
    this.#connection = await systemDriver().connect(address, {
      data: (_, chunk) => {
        this.#bytes = Buffer.concat([this.#bytes, chunk]);
        this.#look();
      },
      end: (connection) => connection.end(),
      close: () => {
        this.#isOver = true;
        this.#close();
        this.#look();
      },
    });
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }

  #takeFrame(): { readonly opcode: number; readonly payload: Buffer } | undefined {
    const bytes = this.#bytes;
    const [first = 0, second = 0] = bytes;
    const headBytes = HEAD_BYTES[second] ?? 2;
    if (bytes.length < Math.max(2, headBytes)) return undefined;
    let length = second;
    if (second === 126) length = bytes.readUInt16BE(2);
    if (second === 127) length = Number(bytes.readBigUInt64BE(2));
    if (bytes.length < headBytes + length) return undefined;
    this.#bytes = bytes.subarray(headBytes + length);
    return { opcode: first & 15, payload: bytes.subarray(headBytes, headBytes + length) };
  }
}
