import type { Metric, Round, Row, Sample } from "../contract.ts";
import type { StreamWork } from "../load/contract.ts";
import { RUNTIME_NAMES } from "../processes.ts";
import { nginx, nginxMissing, ours, type StartProxy } from "./proxies.ts";
import { ECHO, measureProxy } from "./proxy_rows.ts";

/** A piece of work, and the column in which it is told what it costs the proxy. */
interface Point {
  readonly metric: string;
  readonly work: StreamWork;
}

const connections = (count: number): Point => ({
  metric: `${count} open`,
  work: { ...ECHO, connections: count },
});
const bytes = (size: string, answerBytes: number): Point => ({
  metric: size,
  work: { ...ECHO, connections: 8, answerBytes },
});

/** More connections with the same small requests, then larger answers on the same few connections. */
const POINTS: readonly Point[] = [
  connections(10),
  connections(100),
  connections(1000),
  connections(5000),
  bytes("64 B", 64),
  bytes("1 KiB", 2 ** 10),
  bytes("16 KiB", 2 ** 14),
  bytes("256 KiB", 2 ** 18),
];

/** The proxy's processor time for one request, at each point. */
export const GROWTH_METRICS: readonly Metric[] = POINTS.map(({ metric }) => ({
  name: metric,
  unit: "µs",
  digits: 1,
}));

/** The balancer on each runtime, and nginx. */
export function growthRows(): readonly Row[] {
  return [
    ...RUNTIME_NAMES.map((runtime) => row(runtime, "ours", ours(runtime))),
    { ...row("nginx", "peer", nginx), missing: nginxMissing },
  ];
}

function row(name: string, kind: Row["kind"], start: StartProxy): Row {
  return { name, kind, measure: (round) => measurePoints(start, round) };
}

/** One point after the other, each with a share of the round. */
async function measurePoints(start: StartProxy, { warmUpMs, measureMs, size }: Round): Promise<Sample> {
  const sample: Record<string, number> = {};
  for (const { metric, work } of POINTS) {
    const round = { warmUpMs, measureMs: measureMs / 2, size };
    sample[metric] = (await measureProxy(start, work, round)).proxy ?? Number.NaN;
  }
  return sample;
}
