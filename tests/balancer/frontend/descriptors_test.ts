import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  formatAddress,
  NetError,
  nodeDriver,
} from "../../../src/net/mod.ts";
import { toAddress } from "../../helpers.ts";
import { RUNTIME, test } from "../../testing.ts";
import { greeter } from "./frontends.ts";
import { soon } from "./listening.ts";

const CHILD = fileURLToPath(new URL("./descriptor_child.ts", import.meta.url));
const ARGUMENTS = { node: [CHILD], bun: ["run", CHILD], deno: ["run", "-q", "-P", CHILD] };

interface Counted {
  readonly total: number;
  readonly connections: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

/** A frontend in a process that may open `limit` files. */
async function limited(limit: number, server: Address) {
  const command = `ulimit -n ${limit} && exec "$0" "$@"`;
  const words = [process.execPath, ...ARGUMENTS[RUNTIME], formatAddress(server)];
  const child = spawn("sh", ["-c", command, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => (await soon(lines.next(), "hear the child")).value ?? "";
  return {
    address: toAddress(await line()),
    async counted(): Promise<Counted> {
      child.stdin.write("?\n");
      return JSON.parse(await line());
    },
    async [Symbol.asyncDispose]() {
      process.kill(child.pid ?? 0, "SIGKILL");
      await once(child, "close");
    },
  };
}

/** A client who was greeted, or undefined for one who was refused. */
async function visit(address: Address): Promise<Connection | undefined> {
  const { promise: greeted, resolve } = Promise.withResolvers<boolean>();
  const handler: ConnectionHandler = {
    data: () => resolve(true),
    end: (connection) => connection.end(),
    close: () => resolve(false),
  };
  try {
    const connection = await nodeDriver().connect(address, handler);
    return (await soon(greeted, "hear of the client")) ? connection : undefined;
  } catch (error) {
    assert(error instanceof NetError && error.code === "reset", String(error));
    return undefined;
  }
}

test("a process that is short of descriptors refuses who does not fit, keeps who is there, and serves again when there is room", async () => {
  await using server = await greeter("s");
  await using frontend = await limited(200, server.address);
  const served: Connection[] = [];
  for (let index = 0; index < 90; index++) {
    const connection = await visit(frontend.address);
    if (connection) served.push(connection);
  }
  // 200 less 64 that are kept back and one for the listener, two for each client.
  assertEquals(served.length, 67);
  const full = await frontend.counted();
  assertEquals([full.total, full.connections, full.refused.descriptors], [90, 67, 23]);
  for (const connection of served) connection.end();
  while ((await frontend.counted()).connections > 0) await new Promise((resolve) => setImmediate(resolve));
  const again = await visit(frontend.address);
  assert(again, "nobody is served any more");
  again.abort();
  assertEquals((await frontend.counted()).failures, []);
});
