import { Buffer } from "node:buffer";
import type { Address, Driver } from "../../net/mod.ts";
import { LineDecoder } from "../../wire/mod.ts";
import { MAX_SERVER_FRAME_BYTES } from "../protocol.ts";
import type { Dial } from "./dial.ts";

/** Dials a chat server, or a balancer before some, over TCP. Several addresses are tried in turn, one each time. */
export function tcpDial(driver: Driver, addresses: readonly [Address, ...Address[]]): Dial {
  let turn = 0;
  return async (handler, signal) => {
    const address = addresses[turn % addresses.length] ?? addresses[0];
    turn += 1;
    const decoder = new LineDecoder(MAX_SERVER_FRAME_BYTES, {
      line(line) {
        handler.line(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString());
        return true;
      },
      tooLong: () => connection.abort(),
    });
    const connection = await driver.connect(
      address,
      {
        data: (_, chunk) => decoder.push(chunk),
        end: (ended) => ended.close(),
        close: () => handler.close(),
      },
      { signal },
    );
    return {
      write: (json) => void connection.write(Buffer.from(`${json}\n`)),
      close: () => connection.close(),
    };
  };
}
