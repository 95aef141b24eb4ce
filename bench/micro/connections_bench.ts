/**
 * What 50,000 connections cost that do nothing: their entries in the table, their timers, and the turns of whatever closes them.
 *
 * Processor time, not wall time; memory as the growth of the heap. Prints a JSON line a measurement.
 *
 * @module
 */
import process from "node:process";
import { type Clock, ManualClock, systemClock, type Timer, timerWheel } from "../../src/async/mod.ts";
import { limitAge } from "../../src/balancer/connection/age.ts";
import type { TableEntry, Traffic } from "../../src/balancer/connection/contract.ts";
import { rebalance } from "../../src/balancer/connection/rebalance.ts";
import { ConnectionTable } from "../../src/balancer/connection/table.ts";
import type { Backend } from "../../src/balancer/pool/backend.ts";
import { createPool } from "../../src/balancer/pool/pool.ts";
import { memory } from "./memory.ts";

const CONNECTIONS = 50_000;
const ROUNDS = 7;

function print(what: string, figures: object): void {
  process.stdout.write(`${JSON.stringify({ bench: "connections", what, ...figures })}\n`);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The median of some rounds of what `run` gives; the first one warms up. */
function median(run: () => number): number {
  run();
  const samples = Array.from({ length: ROUNDS }, run).sort((one, other) => one - other);
  return samples[ROUNDS >> 1] ?? Number.NaN;
}

async function heapBytes(): Promise<number> {
  return (await memory()).heap;
}

class StillLine implements Traffic {
  readonly bytesIn = 0;
  readonly bytesOut = 0;
  activeAt = 0;
  entry: TableEntry | undefined;

  close(): void {
    this.entry?.over("failed");
  }

  abort(): void {
    this.entry?.over("failed");
  }
}

function fill(table: ConnectionTable, backends: readonly Backend[], lines: readonly StillLine[]): void {
  const place = { frontend: "main", pool: "bench", client: "198.51.100.7:50000", transport: "tcp" } as const;
  for (const [index, traffic] of lines.entries()) {
    const backend = backends[index % backends.length];
    if (!backend) throw new RangeError("Cannot fill the table: no backend");
    traffic.activeAt = index;
    traffic.entry = table.add({ ...place, backend, traffic });
  }
}

function pool(size: number) {
  const all = createPool({ name: "bench", policy: "round-robin" });
  const backends = Array.from({ length: size }, (_, index) => {
    const backend = all.add({ address: { host: "10.0.0.1", port: index + 1 } });
    all.beat(backend, "answered");
    return backend;
  });
  return { all, backends };
}

function lines(): StillLine[] {
  return Array.from({ length: CONNECTIONS }, () => new StillLine());
}

async function measureTable(): Promise<void> {
  const { backends } = pool(10);
  const table = new ConnectionTable(new ManualClock());
  const all = lines();
  fill(table, backends, all);
  for (const { entry } of all) entry?.over("finished");
  for (const line of all) line.entry = undefined;
  const before = await heapBytes();
  fill(table, backends, all);
  const bytes = (await heapBytes()) - before;
  for (const { entry } of all) entry?.over("finished");
  const ns = median(() => {
    const start = cpuUs();
    fill(table, backends, all);
    for (const { entry } of all) entry?.over("finished");
    return ((cpuUs() - start) * 1000) / CONNECTIONS;
  });
  print("entry", { bytes: Math.round(bytes / CONNECTIONS), addAndOverNs: Math.round(ns) });
}

/** Sets and cancels as many timers as there are connections, as their comings and goings do. */
function timersNs(clock: Clock): number {
  const timers: Timer[] = [];
  const ignore = (): undefined => undefined;
  const start = cpuUs();
  for (let i = 0; i < CONNECTIONS; i++) timers.push(clock.after(3_600_000 + (i % 1000), ignore));
  for (const timer of timers) timer.cancel();
  return ((cpuUs() - start) * 1000) / CONNECTIONS;
}

async function measureTimers(): Promise<void> {
  for (const [name, clock] of Object.entries({ setTimeout: systemClock, wheel: timerWheel(systemClock) })) {
    const setAndCancelNs = Math.round(median(() => timersNs(clock)));
    const before = await heapBytes();
    const timers = Array.from({ length: CONNECTIONS }, () => clock.after(3_600_000, () => undefined));
    const bytes = Math.round(((await heapBytes()) - before) / CONNECTIONS);
    const start = cpuUs();
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const idleUsPerSecond = Math.round((cpuUs() - start) / 5);
    for (const timer of timers) timer.cancel();
    print("timer", { name, setAndCancelNs, bytes, idleUsPerSecond });
  }
}

/** The dearest and the usual turn of what runs on a clock, in microseconds of processor time. */
function turns(clock: ManualClock, count: number): { readonly usual: number; readonly dearest: number } {
  const samples = Array.from({ length: count }, () => {
    const start = cpuUs();
    clock.advance(100);
    return cpuUs() - start;
  });
  samples.sort((one, other) => one - other);
  return { usual: samples[count >> 1] ?? Number.NaN, dearest: samples.at(-1) ?? Number.NaN };
}

function measureClosings(): void {
  const clock = new ManualClock();
  const table = new ConnectionTable(clock);
  const { all, backends } = pool(2);
  fill(table, backends, lines());
  using running = rebalance(all, table, { perSecond: 10 });
  all.beat(all.add({ address: { host: "10.0.0.2", port: 1 } }), "answered");
  print("rebalance", { unit: "us a turn of 100 ms, 10 closings a second", ...turns(clock, 300) });
  running[Symbol.dispose]();
  using age = limitAge(table, { maxAgeMs: 600_000 });
  clock.advance(595_000);
  print("max age", { unit: "us in 100 ms, all near their age", ...turns(clock, 100) });
  age[Symbol.dispose]();
  const spread = table.closeSpread(() => table.entries(), {
    reason: "drained",
    deadlineMs: 60_000,
    overMs: 60_000,
  });
  print("spread", { unit: "us in 100 ms, over 60 s", left: table.size, ...turns(clock, 600) });
  spread[Symbol.dispose]();
}

await measureTable();
await measureTimers();
measureClosings();
