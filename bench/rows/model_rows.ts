/**
 * The five server models, each on every runtime: connections that come and go, messages on connections that stay, and what one takes.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { type ModelName, models } from "../../mod.ts";
import type { Round, Row, Sample } from "../contract.ts";
import type { StreamWork } from "../load/contract.ts";
import { type Measured, wait } from "../load/measurement.ts";
import type { StreamOrder } from "../load/stream_load.ts";
import {
  ProcessorTime,
  RUNTIME_NAMES,
  type Running,
  type RuntimeName,
  residentMemoryOf,
  startFile,
  treeOf,
} from "../processes.ts";

/** Connections at once: a model may have a process for each. */
const CONNECTIONS: Readonly<Record<Round["size"], number>> = { full: 16, small: 2 };
/** As long as two cores need to start so many processes, in milliseconds. */
const START_WORKERS_MS: Readonly<Record<Round["size"], number>> = { full: 10_000, small: 0 };
/** Of the measurement, after which memory is looked at: all connections are there, and still are. */
const PART = 0.7;

/** The rows of the scenario. */
export function modelRows(): readonly Row[] {
  const names = Object.keys(models) as ModelName[];
  return names.flatMap((model) => RUNTIME_NAMES.map((runtime) => row(model, runtime)));
}

function row(model: ModelName, runtime: RuntimeName): Row {
  return {
    name: `${model} ${runtime}`,
    kind: "ours",
    // The models share one code on all runtimes: a quick look takes one runtime of most of them.
    ...(runtime !== "bun" && model !== "reactors-in-processes" && { isVariant: true }),
    measure: (round) => measureModel(model, runtime, round),
  };
}

async function measureModel(model: ModelName, runtime: RuntimeName, round: Round): Promise<Sample> {
  const reactors = model.startsWith("reactors") ? ["--workers", `${availableParallelism()}`] : [];
  const args = ["echo", "--model", model, "--listen", "127.0.0.1:0", "--log-level", "error", ...reactors];
  await using server = startFile("server", runtime, "mod.ts", args);
  const [, address = ""] = await server.line(/^chorus echo ready tcp=(\S+)/m);
  const connections = CONNECTIONS[round.size];
  const work = { connections, requestBytes: 64, answerBytes: 64 };
  const before = memoryOf(server);
  const startsWorkers = model.endsWith("per-connection");
  const warmUpMs = Math.max(round.warmUpMs, startsWorkers ? START_WORKERS_MS[round.size] : 0);
  const asks = await load(server, address, { ...work, type: "ask" }, { ...round, warmUpMs });
  const visits = await load(server, address, { ...work, type: "visit" }, round);
  // This one serves a connection at a time, however many there are.
  const served = model === "iterative" ? 1 : connections;
  return {
    messages: asks.rate,
    message: asks.cpuUs,
    p99: asks.p99Ms,
    memory: (asks.memory - before) / served / 1e6,
    connections: visits.rate,
    connection: visits.cpuUs / 1000,
  };
}

/** All that a server and what it started have, in bytes. */
function memoryOf({ pid }: Running): number {
  return treeOf(pid).reduce((sum, each) => sum + residentMemoryOf(each), 0);
}

async function load(server: Running, address: string, work: StreamWork, { warmUpMs, measureMs }: Round) {
  const [host = "", port = ""] = address.split(":");
  const order: StreamOrder = { ...work, warmUpMs, measureMs, host, port: Number(port) };
  await using running = startFile("load", "node", "bench/load/stream_load.ts", [JSON.stringify(order)]);
  await running.line(/^measuring$/m);
  const time = new ProcessorTime([server]);
  if (work.type === "ask") await wait(measureMs * PART);
  // Of those that come and go, some would end while their memory is looked at.
  const memory = work.type === "ask" ? memoryOf(server) : Number.NaN;
  const [line] = await running.line(/^\{.*\}$/m);
  const used = time.since().get("server") ?? 0;
  const { count, seconds, p99Ms } = JSON.parse(line) as Measured;
  return { rate: count / seconds, cpuUs: count > 0 ? used / count : Number.NaN, p99Ms, memory };
}
