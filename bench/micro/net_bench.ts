/**
 * Compares the drivers of a runtime as a proxy: processor time per small request, per mebibyte, and memory after it.
 *
 * `node bench/micro/net_bench.ts [ROUNDS]` runs node, and bun and deno with both of their drivers, in turns. The load comes from
 * this process; only the proxy's own processor time counts, so that other work on the machine disturbs little.
 *
 * @module
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const CONNECTIONS = 50;
const REQUESTS = 1000;
const REQUEST_BYTES = 112;
const BULK_MIB = 512;
const PROXY = fileURLToPath(new URL("./net_proxy.ts", import.meta.url));
const BIN = fileURLToPath(new URL("../../node_modules/.bin/", import.meta.url));

/** What is measured, by name: the command before the proxy's arguments, and the driver. */
const ROWS: Readonly<Record<string, readonly [readonly string[], string]>> = {
  "node, node:net": [[`${BIN}node`, PROXY], "node"],
  "bun, node:net": [[`${BIN}bun`, PROXY], "node"],
  "bun, native": [[`${BIN}bun`, PROXY], "bun"],
  "deno, node:net": [[`${BIN}deno`, "run", "-q", "-A", "--no-check", PROXY], "node"],
  "deno, native": [[`${BIN}deno`, "run", "-q", "-A", "--no-check", PROXY], "deno"],
};

interface Usage {
  readonly cpuUs: number;
  readonly rss: number;
}

interface Sample {
  readonly requestUs: number;
  readonly mebibyteMs: number;
  readonly rssMb: number;
}

class MeasuredProxy {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(command: readonly string[], driver: string, backendPort: number) {
    const [file = "", ...args] = command;
    this.#child = spawn(file, [...args, driver, String(backendPort)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async port(): Promise<number> {
    return (await this.#read<{ port: number }>()).port;
  }

  async usage(): Promise<Usage> {
    this.#child.stdin.write("\n");
    return await this.#read<Usage>();
  }

  async end(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await exited;
  }

  async #read<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("Cannot measure: the proxy has ended");
    return JSON.parse(value);
  }
}

async function echoServer(): Promise<number> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function finished(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => resolve());
  });
}

/** One request after the other on one connection. */
async function askInTurn(port: number, requests: number): Promise<void> {
  const request = new Uint8Array(REQUEST_BYTES);
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let received = 0;
  socket.on("data", (chunk) => {
    received += chunk.length;
    if (received === requests * REQUEST_BYTES) socket.end();
    else if (received % REQUEST_BYTES === 0) socket.write(request);
  });
  socket.write(request);
  await finished(socket);
}

async function sendBulk(port: number, mebibytes: number): Promise<void> {
  const chunk = new Uint8Array(64 * 1024);
  const socket = connect({ port, host: "127.0.0.1" });
  let left = mebibytes * 16;
  const go = (): void => {
    for (; left > 0; left--) if (!socket.write(chunk)) return void left--;
    socket.end();
  };
  socket.on("drain", go);
  socket.resume();
  go();
  await finished(socket);
}

async function measure(command: readonly string[], driver: string, backendPort: number): Promise<Sample> {
  const proxy = new MeasuredProxy(command, driver, backendPort);
  const port = await proxy.port();
  const ask = (requests: number): Promise<unknown> =>
    Promise.all(Array.from({ length: CONNECTIONS }, () => askInTurn(port, requests)));
  await ask(REQUESTS / 5);
  await sendBulk(port, BULK_MIB / 8);
  const start = await proxy.usage();
  await ask(REQUESTS);
  const asked = await proxy.usage();
  await sendBulk(port, BULK_MIB);
  const end = await proxy.usage();
  await proxy.end();
  return {
    requestUs: (asked.cpuUs - start.cpuUs) / (CONNECTIONS * REQUESTS),
    mebibyteMs: (end.cpuUs - asked.cpuUs) / BULK_MIB / 1000,
    rssMb: end.rss / 1e6,
  };
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other);
  const [least, middle, most] = [0, sorted.length >> 1, sorted.length - 1].map((index) =>
    (sorted[index] ?? Number.NaN).toFixed(2),
  );
  return `${middle} (${least}–${most})`;
}

const rounds = Number(process.argv[2] ?? 5);
const backendPort = await echoServer();
const samples = new Map<string, Sample[]>();
for (let round = 0; round < rounds; round++) {
  for (const [row, [command, driver]] of Object.entries(ROWS)) {
    const sample = await measure(command, driver, backendPort);
    process.stdout.write(`${JSON.stringify({ row, ...sample })}\n`);
    samples.set(row, [...(samples.get(row) ?? []), sample]);
  }
}
for (const [row, all] of samples) {
  const request = summary(all.map(({ requestUs }) => requestUs));
  const mebibyte = summary(all.map(({ mebibyteMs }) => mebibyteMs));
  const memory = summary(all.map(({ rssMb }) => rssMb));
  process.stdout.write(
    `${row.padEnd(16)} request ${request} us   MiB ${mebibyte} ms   memory ${memory} MB\n`,
  );
}
process.exit(0);
