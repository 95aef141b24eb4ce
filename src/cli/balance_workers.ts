import process from "node:process";
import type { Logger } from "@logtape/logtape";
import type { ProcessUsage } from "../admin/mod.ts";
import { type BalancerConfiguration, type Capacity, Workers } from "../balancer/mod.ts";
import { startChild, startThread, wordsOfHang } from "../server/mod.ts";
import { type LogOptions, logErrors, wordsOfEnd } from "./log.ts";
import { processUsage } from "./process_usage.ts";

const MODULE = new URL("./balance_worker.ts", import.meta.url).href;

/** What the workers of a balancer are made of. */
export interface WorkersParts {
  readonly configuration: BalancerConfiguration;
  readonly capacity: Capacity;
  readonly nodeId: string;
  readonly graceMs: number;
  readonly logOptions: LogOptions;
  readonly log: Logger;
}

/** Makes the workers of a balancer, which are still to be started; undefined where it serves all by itself. */
export function makeWorkers(parts: WorkersParts): Workers | undefined {
  const { configuration, capacity, nodeId, graceMs, logOptions, log } = parts;
  const { workers: count, connections } = capacity;
  if (count === 1) return undefined;
  const { kind } = configuration.workers;
  const areThreads = kind === "threads";
  const format = logOptions.format ?? (process.stderr.isTTY ? "text" : "json");
  log.info("{count} {kind} serve clients; there are files for {connections} connections", {
    count,
    kind,
    connections,
  });
  return new Workers({
    count,
    areThreads,
    start: async () => (areThreads ? startThread(MODULE) : await startChild(MODULE, [], "sparing")),
    nodeId,
    graceMs,
    program: { ...logOptions, format },
    onLost: (worker, end, clients) =>
      log.error("worker {worker} has ended ({how}), and its {clients} connections with it", {
        worker,
        how: wordsOfEnd(end),
        clients,
      }),
    onHang: (worker, hang) => log.error("worker {worker} {what}", { worker, what: wordsOfHang(hang) }),
    onRestart: (delayMs) =>
      log.info("another worker starts in {delayMs} ms", { delayMs: Math.round(delayMs) }),
    onError: logErrors(log),
  });
}

/** What a balancer and its workers use together. */
export function usageWith(workers: Workers | undefined): ProcessUsage {
  const own = processUsage();
  const all = [own, ...(workers?.usage ?? [])];
  const sum = (of: (one: (typeof all)[number]) => number): number =>
    all.reduce((total, one) => total + of(one), 0);
  return {
    residentBytes: sum(({ residentBytes }) => residentBytes),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    startedAtSeconds: own.startedAtSeconds,
    openSockets: sum(({ openSockets }) => openSockets),
  };
}
