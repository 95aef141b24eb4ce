/**
 * Whose clients come back: those of a chat server on a Redis, or of one of the servers of `chorus up`, on each runtime.
 *
 * @module
 */
import process from "node:process";
import type { Round, Row, Sample } from "../contract.ts";
import { BYSTANDERS, type StormResult, type StormWork } from "../load/contract.ts";
import { childrenOf, ProcessorTime, RUNTIME_NAMES, type RuntimeName, startFile } from "../processes.ts";
import { type Cluster, overRedis, overSqlite } from "./chat_rows.ts";
import { workFile } from "./work_file.ts";

/** Clients of the server that dies. */
const CLIENTS: Readonly<Record<Round["size"], number>> = { full: 5000, small: 500 };

/** Those that a quick look takes. */
const QUICK: readonly string[] = ["redis node", "redis deno", "sqlite bun"];

/** The rows of a storm. */
export function stormRows(): readonly Row[] {
  const rows = [...RUNTIME_NAMES.map(redisRow), ...RUNTIME_NAMES.map(upRow)];
  return rows.map((row) => ({ ...row, isVariant: !QUICK.includes(row.name) }));
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
      const [victim = 0] = childrenOf(up?.pid ?? 0);
      return await storm(cluster, victim, clients);
    },
  };
}

async function storm(cluster: Cluster, victim: number, clients: number): Promise<Sample> {
  const { addresses, accounts, programs } = cluster;
  // Not each of two takes exactly half.
  const order: StormWork = { addresses, accounts, least: Math.floor(0.95 * clients) };
  using file = workFile(order);
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
