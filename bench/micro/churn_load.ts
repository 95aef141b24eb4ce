/**
 * The clients and the servers of `churn_bench.ts`: says where its servers are, then opens and closes as many connections as each line of
 * input asks for, and says when it is done.
 *
 * @module
 */
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { visit } from "../load/visit.ts";

const SERVERS = 4;
/** Connections at the same time. */
const AT_ONCE = 64;
const REQUEST = new Uint8Array(100);

async function echoServer(): Promise<{ host: string; port: number }> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

async function visitAll(address: { host: string; port: number }, count: number): Promise<void> {
  let started = 0;
  const clients = Array.from({ length: AT_ONCE }, async () => {
    while (started < count) {
      started += 1;
      await visit(address, REQUEST, started % 4 === 0 ? "by reset" : "in order");
    }
  });
  await Promise.all(clients);
}

function tell(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

tell(await Promise.all(Array.from({ length: SERVERS }, echoServer)));
for await (const line of createInterface({ input: process.stdin })) {
  const { address, count } = JSON.parse(line);
  await visitAll(address, count);
  tell({ count });
}
process.exit(0);
