import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import type { Address, Connection, Driver } from "../../net/mod.ts";
import { bufferOf, LineDecoder } from "../../wire/mod.ts";
import { MAX_SERVER_FRAME_BYTES } from "../protocol.ts";
import type { Dial, ServerLink } from "./dial.ts";

/**
 * Dials a chat server, or a balancer before some, over TCP. Several addresses are tried in turn, one each time.
 *
 * @example Two servers, one of which is away
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const [away, here] = [{ host: "127.0.0.1", port: 1 }, { host: "127.0.0.1", port: 7000 }];
 * await registerChat({ dial: tcpDial(systemDriver(), [here]), name: "ada", password: "secret" });
 * const dial = tcpDial(systemDriver(), [away, here]);
 * await using ada = await connectChat({ dial, credentials: { name: "ada", password: "secret" } });
 * assert.equal(ada.user, "ada");
 * ```
 */
export function tcpDial(driver: Driver, addresses: readonly [Address, ...Address[]]): Dial {
  let turn = 0;
  return async (handler, signal) => {
    const address = addresses[turn % addresses.length] ?? addresses[0];
    turn += 1;
    const decoder = new LineDecoder(MAX_SERVER_FRAME_BYTES, {
      line(line) {
        handler.line(bufferOf(line).toString());
        return true;
      },
      tooLong: () => connection.abort(),
    });
    const connection = await driver.connect(
      address,
      {
        data(_, chunk) {
          handler.heard();
          decoder.push(chunk);
        },
        end: (ended) => ended.close(),
        close: () => handler.close(),
      },
      { signal },
    );
    return new TcpServerLink(connection);
  };
}

/** A TCP connection as a client uses it: the frames of one tick of the event loop go out in one write. */
class TcpServerLink implements ServerLink {
  readonly #connection: Connection;
  #pending = "";

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  write(json: string): void {
    if (this.#pending === "") setImmediate(() => this.#flush());
    this.#pending += `${json}\n`;
  }

  close(): void {
    this.#flush();
    this.#connection.close();
  }

  abort(): void {
    this.#connection.abort();
  }

  #flush(): void {
    if (this.#pending === "") return;
    const chunk = Buffer.from(this.#pending);
    this.#pending = "";
    this.#connection.write(chunk);
  }
}
