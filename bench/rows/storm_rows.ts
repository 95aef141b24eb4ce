/**
 * Whose clients come back: those of a chat server on a Redis, or of one of the servers of `chorus up`, on each runtime.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Round, Row, Sample } from "../contract.ts";
import { BYSTANDERS, type StormResult, type StormWork } from "../load/contract.ts";
import { ProcessorTime, type RuntimeName, startFile } from "../processes.ts";
import { type Cluster, overRedis, overSqlite } from "./chat_rows.ts";

/** Clients of the server that dies. */
const CLIENTS: Readonly<Record<Round["size"], number>> = { full: 5000, small: 500 };

/** The rows of a storm. */
export function stormRows(): readonly Row[] {
  const runtimes: readonly RuntimeName[] = ["node", "bun", "deno"];
  return [...runtimes.map((runtime) => redisRow(runtime)), ...runtimes.map((runtime) => upRow(runtime))];
}

/** All clients are on the first of two servers. */
function redisRow(runtime: RuntimeName): Row {
  return {
    name: `redis ${runtime}`,
    kind: "ours",
    async measure({ size }) {
      const clients = CLIENTS[size];
      await using cluster = await overRedis(runtime, { type: "pairs", users: clients + BYSTANDERS });
      const [victim] = cluster.programs;
      return await storm(cluster, victim?.pid ?? 0, clients);
    },
  };
}

/** Twice as many clients, whom the balancer has spread over two servers. */
function upRow(runtime: RuntimeName): Row {
  return {
    name: `sqlite ${runtime}`,
    kind: "ours",
    async measure({ size }) {
      const clients = CLIENTS[size];
      await using cluster = await overSqlite(runtime, { type: "pairs", users: 2 * clients + BYSTANDERS });
      const [up] = cluster.programs;
      return await storm(cluster, childOf(up?.pid ?? 0), clients);
    },
  };
}

async function storm(cluster: Cluster, victim: number, clients: number): Promise<Sample> {
  const { addresses, accounts, programs } = cluster;
  // Not each of two takes exactly half.
  const order: StormWork = { addresses, accounts, least: Math.floor(0.95 * clients) };
  using file = orderFile(order);
  await using generator = startFile("load", "node", "bench/load/storm_load.ts", [file.path]);
  await generator.line(/^connected$/m);
  const time = new ProcessorTime(programs.filter(({ pid }) => pid !== victim));
  process.kill(victim, "SIGKILL");
  const [line] = await generator.line(/^\{.*\}$/m);
  const used = [...time.since().values()].reduce((sum, us) => sum + us, 0);
  const { clients: lost, p50Ms, p99Ms, allMs, slowestMs } = JSON.parse(line) as StormResult;
  return {
    back: allMs / 1000,
    p50: p50Ms / 1000,
    p99: p99Ms / 1000,
    logins: lost / (allMs / 1000),
    clients: lost,
    slowest: slowestMs,
    servers: used / lost / 1000,
  };
}

/** So many accounts are too much for an argument. */
function orderFile(order: StormWork): { readonly path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "chorus-storm-"));
  const path = join(folder, "order.json");
  writeFileSync(path, JSON.stringify(order), { mode: 0o600 });
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The first child of a process. */
function childOf(parent: number): number {
  const [pid] = execFileSync("ps", ["-o", "pid=", "--ppid", `${parent}`], { encoding: "utf8" })
    .trim()
    .split(/\s+/);
  return Number(pid);
}
