/**
 * A TCP proxy that misbehaves on command, to put between a client and a server.
 *
 * @module
 */
import { type Address, type Connection, systemDriver } from "../src/net/mod.ts";

/** A running proxy. */
export interface FaultProxy extends AsyncDisposable {
  readonly address: Address;
  /** Connections now. */
  readonly connections: number;
  /** Where the next connections go. */
  target: Address;
  /** From now on what servers answer is dropped, until the next `cut`. */
  swallowAnswers(): void;
  /** Resets every connection, on both sides. */
  cut(): void;
}

/** Starts a proxy before `target`. */
export async function faultProxy(target: Address): Promise<FaultProxy> {
  const driver = systemDriver();
  const open = new Set<Connection>();
  let isSwallowing = false;

  function serve(client: Connection): void {
    open.add(client);
    client.pause();
    const drop = (): void => {
      open.delete(client);
    };
    client.handle({ data: () => undefined, close: drop });
    const toServer = {
      data: (_: Connection, chunk: Uint8Array) => void (isSwallowing || client.write(chunk)),
      end: () => client.end(),
      close: () => client.close(),
    };
    driver.connect(proxy.target, toServer).then(
      (server) => {
        client.handle({
          data: (_, chunk) => void server.write(chunk),
          end: () => server.end(),
          close() {
            drop();
            server.abort();
          },
        });
        client.resume();
      },
      () => client.abort(),
    );
  }
  const listener = await driver.listen({ host: "127.0.0.1", port: 0 }, (client) => {
    queueMicrotask(() => serve(client));
    return { data: () => undefined, close: () => undefined };
  });
  const proxy: FaultProxy = {
    address: listener.address,
    target,
    get connections() {
      return open.size;
    },
    swallowAnswers() {
      isSwallowing = true;
    },
    cut() {
      for (const client of open) client.abort();
      isSwallowing = false;
    },
    async [Symbol.asyncDispose]() {
      await listener.close();
      for (const client of open) client.abort();
    },
  };
  return proxy;
}
