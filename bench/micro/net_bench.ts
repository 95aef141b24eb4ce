/**
 * Compares the drivers of a runtime as a proxy without a balancer: what `echo` and `bulk` measure, with the same load.
 *
 * `node bench/micro/net_bench.ts [ROUNDS]` runs node, and bun and deno with both of their drivers, in turns.
 *
 * @module
 */
import process from "node:process";
import type { Round, Sample } from "../contract.ts";
import { type RuntimeName, startFile } from "../processes.ts";
import { spreadOf } from "../report.ts";
import { announced, type StartProxy } from "../rows/proxies.ts";
import { BULK, ECHO, measureProxy } from "../rows/proxy_rows.ts";

const ROUND: Round = { warmUpMs: 500, measureMs: 2000, size: "full" };

/** What is measured, by name: the runtime and the driver. */
const ROWS: Readonly<Record<string, readonly [RuntimeName, string]>> = {
  "node, node:net": ["node", "node"],
  "bun, node:net": ["bun", "node"],
  "bun, native": ["bun", "bun"],
  "deno, node:net": ["deno", "node"],
  "deno, native": ["deno", "deno"],
};

/** A row's samples of both kinds of work. */
interface Samples {
  readonly echo: Sample[];
  readonly bulk: Sample[];
}

function proxyOf([runtime, driver]: readonly [RuntimeName, string]): StartProxy {
  return (backend) =>
    announced(startFile("proxy", runtime, "bench/micro/net_proxy.ts", [driver, backend]), /^ready (\S+)$/m);
}

function summary(samples: readonly Sample[], metric: string, per = 1): string {
  const { median, min, max } = spreadOf(samples.map((sample) => (sample[metric] ?? Number.NaN) / per));
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

const rounds = Number(process.argv[2] ?? 5);
const samples = new Map(Object.keys(ROWS).map((row): [string, Samples] => [row, { echo: [], bulk: [] }]));
for (let round = 0; round < rounds; round++) {
  for (const [row, program] of Object.entries(ROWS)) {
    const start = proxyOf(program);
    const [echo, bulk] = [await measureProxy(start, ECHO, ROUND), await measureProxy(start, BULK, ROUND)];
    process.stdout.write(`${JSON.stringify({ row, echo, bulk })}\n`);
    samples.get(row)?.echo.push(echo);
    samples.get(row)?.bulk.push(bulk);
  }
}
for (const [row, { echo, bulk }] of samples) {
  const request = summary(echo, "proxy");
  const mebibyte = summary(bulk, "proxy", 1000);
  const memory = summary(bulk, "memory");
  process.stdout.write(
    `${row.padEnd(16)} request ${request} us   MiB ${mebibyte} ms   memory ${memory} MB\n`,
  );
}
