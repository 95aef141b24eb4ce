import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { withDeadline } from "../../src/async/mod.ts";
import type { TcpAddress } from "../../src/net/mod.ts";
import { DEADLINE_MS } from "./recording.ts";

/** Stands between a TLS client and its server. */
export interface TamperingProxy extends AsyncDisposable {
  readonly address: TcpAddress;
  /** Sends the server bytes that the client has not said. */
  inject(text: string): void;
}

/** The head of a TLS record: its type, its version, and its length in two bytes. */
const RECORD_HEAD_BYTES = 5;
/** How much of the client's greeting goes into a record of its own. */
const FIRST_BYTES = 50;

/** Splits the greeting of its one client into two records, and sends the server each of the first bytes by itself. */
export async function tamperingProxy(target: TcpAddress): Promise<TamperingProxy> {
  const sockets: Socket[] = [];
  const toServer = connect({ ...target, noDelay: true });
  const server = createServer((client) => {
    sockets.push(client);
    client.once("data", (greeting: Uint8Array) => {
      for (const byte of inTwoRecords(greeting)) toServer.write(Uint8Array.of(byte));
      client.pipe(toServer);
    });
    toServer.pipe(client);
  });
  sockets.push(toServer);
  for (const socket of sockets) socket.on("error", () => socket.destroy());
  const listening = once(server, "listening");
  server.listen(0, "127.0.0.1");
  await withDeadline(Promise.all([listening, once(toServer, "connect")]), DEADLINE_MS, "start a proxy");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not TCP");
  return {
    address: { host: "127.0.0.1", port: address.port },
    inject: (text) => void toServer.write(text),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await withDeadline(closed, DEADLINE_MS, "close a proxy");
    },
  };
}

function inTwoRecords(record: Uint8Array): Uint8Array {
  const body = record.subarray(RECORD_HEAD_BYTES);
  const parts = [body.subarray(0, FIRST_BYTES), body.subarray(FIRST_BYTES)];
  const records = parts.flatMap((part) => [
    ...record.subarray(0, 3),
    part.length >> 8,
    part.length & 0xff,
    ...part,
  ]);
  return Uint8Array.from(records);
}
