import type { Connection } from "../net/mod.ts";
import type { Link } from "./link.ts";

/** A TCP connection as a session uses it. */
export class TcpLink implements Link {
  readonly host: string;
  readonly #connection: Connection;

  /** @param host Whose connection it is: not its own address where a balancer has told another one. */
  constructor(connection: Connection, host: string) {
    this.host = host;
    this.#connection = connection;
  }

  get queuedBytes(): number {
    return this.#connection.queuedBytes;
  }

  get takenBytes(): number {
    return this.#connection.bytesWritten - this.#connection.queuedBytes;
  }

  write(line: Uint8Array): boolean {
    return this.#connection.write(line);
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  close(): void {
    this.#connection.close();
  }
}
