/**
 * Who carries bytes between clients and a backend: nothing, the least that a proxy is, our balancer on each runtime, nginx and HAProxy.
 *
 * @module
 */
import type { Metric, Round, Row, Sample, Scenario } from "../contract.ts";
import type { StreamWork } from "../load/contract.ts";
import type { Measured } from "../load/measurement.ts";
import type { StreamOrder } from "../load/stream_load.ts";
import { ProcessorTime, peakMemoryOf, RUNTIME_NAMES, startFile } from "../processes.ts";
import {
  control,
  direct,
  haproxy,
  haproxyMissing,
  nginx,
  nginxMissing,
  ours,
  type StartProxy,
} from "./proxies.ts";

/** Small requests on connections that stay. */
export const ECHO: StreamWork = { type: "ask", connections: 100, requestBytes: 64, answerBytes: 64 };
/** Large answers: each counts as one MiB. */
export const BULK: StreamWork = { type: "ask", connections: 8, requestBytes: 64, answerBytes: 2 ** 20 };
/** Connections that do not stay. */
export const CHURN: StreamWork = { type: "visit", connections: 50, requestBytes: 64, answerBytes: 64 };

/** What tells the scenarios of proxies apart. */
export interface ProxyScenario {
  readonly name: string;
  readonly title: string;
  /** What is counted, such as `requests`. */
  readonly unit: string;
  readonly work: StreamWork;
}

/** A scenario of proxies, which are compared by the processor time that they take themselves. */
export function proxyScenario({ name, title, unit, work }: ProxyScenario): Scenario {
  return {
    name,
    title,
    metrics: [
      { name: "rate", unit: `${unit}/s` },
      { name: "p50", unit: "ms", digits: 2 },
      { name: "p99", unit: "ms", digits: 2 },
      ...["proxy", "backend", "load"].map((role): Metric => ({ name: role, unit: "µs", digits: 1 })),
      { name: "memory", unit: "MB", digits: 1 },
    ],
    compared: "proxy",
    baselines: ["nginx", "control node"],
    rows: [
      row("direct", "direct", work, direct),
      ...RUNTIME_NAMES.map((runtime) => ({
        ...row(`control ${runtime}`, "control", work, control(runtime)),
        isVariant: runtime !== "node",
      })),
      ...RUNTIME_NAMES.map((runtime) => row(runtime, "ours", work, ours(runtime))),
      { ...row("nginx", "peer", work, nginx), missing: nginxMissing },
      { ...row("haproxy", "peer", work, haproxy), missing: haproxyMissing },
    ],
  };
}

function row(name: string, kind: Row["kind"], work: StreamWork, start: StartProxy): Row {
  return { name, kind, measure: (round) => measureProxy(start, work, round) };
}

/** Starts a backend, a proxy before it and the load, measures once, and ends them. What the proxy uses is absent when there is none. */
export async function measureProxy(
  start: StartProxy,
  work: StreamWork,
  { warmUpMs, measureMs }: Round,
): Promise<Sample> {
  const sizes = [`${work.requestBytes}`, `${work.answerBytes}`];
  await using backend = startFile("backend", "node", "bench/load/stream_backend.ts", sizes);
  const [, backendAddress = ""] = await backend.line(/^ready (\S+)$/m);
  await using proxy = await start(backendAddress);
  const [host = "", port = ""] = proxy.address.split(":");
  const order: StreamOrder = { ...work, warmUpMs, measureMs, host, port: Number(port) };
  await using load = startFile("load", "node", "bench/load/stream_load.ts", [JSON.stringify(order)]);
  await load.line(/^measuring$/m);
  const time = new ProcessorTime([backend, ...proxy.programs]);
  const [line] = await load.line(/^\{.*\}$/m);
  const used = time.since();
  const memory = proxy.programs.reduce((sum, { pid }) => sum + peakMemoryOf(pid), 0);
  const { count, seconds, p50Ms, p99Ms, cpuUs } = JSON.parse(line) as Measured;
  if (count === 0) throw new Error(`Cannot measure ${proxy.address}: nothing was answered`);
  return {
    rate: count / seconds,
    p50: p50Ms,
    p99: p99Ms,
    ...(proxy.programs.length > 0 && { proxy: (used.get("proxy") ?? 0) / count, memory: memory / 1e6 }),
    backend: (used.get("backend") ?? 0) / count,
    load: cpuUs / count,
  };
}
