/**
 * A chat client of which a process can have very many: frames over a socket, without timers and promises of its own.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import type { Account } from "./contract.ts";

/** Where to connect, and from where. */
export interface Route {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
}

/** What happens to a client. */
export interface HeldEvents {
  /** It is logged in. */
  held(): void;
  /** It has failed before, or has lost its connection. Nothing follows. */
  lost(why: string): void;
  ponged(): void;
  /** The server has answered to a message. */
  answered(isStored: boolean): void;
  /** Somebody else has written. */
  received(text: string): void;
}

interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly from?: string;
  readonly text?: string;
  readonly inbox?: number;
}

const LOGIN = "login";
/** All connections of a process read into this one: they are read one after the other. */
const buffer: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(65_536);

/** A user on a connection. */
export class HeldClient {
  readonly name: string;
  readonly #events: HeldEvents;
  readonly #socket: Socket;
  /** The beginning of a frame whose end has not come yet. */
  #rest = "";
  #sends = 0;
  #why = "the connection was closed";

  /** Connects and logs in. */
  constructor({ name, token }: Account, route: Route, events: HeldEvents) {
    this.name = name;
    this.#events = events;
    const callback = (length: number): boolean => {
      // What is not ASCII is in no frame that is looked at.
      this.#read(buffer.toString("latin1", 0, length));
      return true;
    };
    this.#socket = connect({ ...route, noDelay: true, onread: { buffer, callback } });
    this.#socket.on("error", (error) => {
      this.#why = error.message;
    });
    this.#socket.once("close", () => events.lost(this.#why));
    this.#write({ type: "login", id: LOGIN, token });
  }

  ping(): void {
    this.#socket.write('{"type":"ping"}\n');
  }

  send(to: string, text: string): void {
    this.#sends += 1;
    this.#write({ type: "send", id: `m${this.#sends}`, to, text });
  }

  /** Gives up. */
  abort(why: string): void {
    this.#why = why;
    this.#socket.destroy();
  }

  #write(frame: object): void {
    this.#socket.write(`${JSON.stringify(frame)}\n`);
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(JSON.parse(line) as Frame);
  }

  #take(frame: Frame): void {
    if (frame.type === "pong") this.#events.ponged();
    else if (frame.type === "message") this.#hear(frame);
    else if (frame.type === "closing") this.#why = `closing: ${frame.reason}`;
    else if (frame.id === LOGIN) this.#enter(frame);
    else if (frame.type === "ok" || frame.type === "error") this.#events.answered(frame.type === "ok");
  }

  #enter({ type, code }: Frame): void {
    if (type === "ok") this.#events.held();
    else this.abort(`the login was refused: ${code}`);
  }

  #hear({ from, text = "", inbox }: Frame): void {
    this.#write({ type: "ack", inbox });
    if (from !== this.name) this.#events.received(text);
  }
}
