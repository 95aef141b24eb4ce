/**
 * The clients and the servers of `churn_bench.ts`: says where its servers are, then opens and closes as many connections as each line of
 * input asks for, and says when it is done.
 *
 * @module
 */
import { type AddressInfo, connect, createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";

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

/** Connects, asks, hears the answer and leaves. */
function visit(address: { host: string; port: number }, leaves: "in order" | "by reset"): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true });
    let received = 0;
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received < REQUEST.length) return;
      if (leaves === "in order") socket.end();
      else socket.resetAndDestroy();
    });
    socket.once("error", reject);
    socket.once("close", () => resolve());
    socket.write(REQUEST);
  });
}

async function visitAll(address: { host: string; port: number }, count: number): Promise<void> {
  let started = 0;
  const clients = Array.from({ length: AT_ONCE }, async () => {
    while (started < count) {
      started += 1;
      await visit(address, started % 4 === 0 ? "by reset" : "in order");
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
