/**
 * Opens and closes 100,000 connections through a frontend that splices, and prints the memory of its process every 20,000.
 *
 * The clients and the servers are another process, {@linkcode ./churn_load.ts}. One client in four resets, the others end in order. Exits
 * with 1 when the heap has grown by more than 2 MB from the first to the last 20,000, or anything is left.
 *
 * @module
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ConnectionTable } from "../../src/balancer/connection/table.ts";
import { startSpliceFrontend } from "../../src/balancer/frontend/splice_frontend.ts";
import { createPool } from "../../src/balancer/pool/pool.ts";
import { openHandles, systemDriver, type TcpAddress } from "../../src/net/mod.ts";
import { memory } from "./memory.ts";

const CONNECTIONS = 100_000;
const STEP = 20_000;
const MOST_GROWTH_BYTES = 2_000_000;
const NODE = fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url));
const LOAD = fileURLToPath(new URL("./churn_load.ts", import.meta.url));

/** The other process, which is told a line and answers a line. */
class Load {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#child = spawn(NODE, [LOAD], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async read<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("Cannot go on: the load has ended");
    return JSON.parse(value);
  }

  tell(message: object): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  end(): void {
    this.#child.stdin.end();
  }
}

function print(figures: object): void {
  process.stdout.write(`${JSON.stringify({ bench: "churn", ...figures })}\n`);
}

const load = new Load();
const servers = await load.read<readonly TcpAddress[]>();
const pool = createPool({ name: "bench", policy: "round-robin" });
for (const address of servers) pool.beat(pool.add({ address }), "answered");
const table = new ConnectionTable();
const frontend = await startSpliceFrontend({
  driver: systemDriver(),
  listen: { host: "127.0.0.1", port: 0 },
  pool,
  table,
});
const heaps: number[] = [];
print({ connections: 0, ...(await memory()) });
for (let done = STEP; done <= CONNECTIONS; done += STEP) {
  const start = process.cpuUsage();
  load.tell({ address: frontend.address, count: STEP });
  await load.read();
  const { user, system } = process.cpuUsage(start);
  // The ends of the last ones are still on their way.
  while (frontend.connections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const { heap, rss } = await memory();
  heaps.push(heap);
  print({ connections: done, heap, rss, cpuUsPerConnection: Math.round((user + system) / STEP) });
}
const { ended } = [...pool.backends()].reduce<{ ended: Record<string, number> }>(
  (sum, { counters }) => {
    for (const [reason, count] of Object.entries(counters.ended))
      if (count > 0) sum.ended[reason] = (sum.ended[reason] ?? 0) + count;
    return sum;
  },
  { ended: {} },
);
await frontend.close();
load.end();
const left = { table: table.size, handles: openHandles(), refused: frontend.counters.refusedTotal };
const growth = (heaps.at(-1) ?? 0) - (heaps[0] ?? 0);
print({ total: frontend.counters.total, ended, left, growth });
if (growth > MOST_GROWTH_BYTES || left.table + left.handles > 0) process.exitCode = 1;
