import { isServingState } from "../connection/serving.ts";
import type { BackendState } from "../contract.ts";
import type { Frontend } from "../frontend/frontend.ts";
import type { HistogramSnapshot } from "../histogram.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";

/** The parts of one metric's samples that tell them apart. */
export type MetricLabels = Readonly<Record<string, string>>;

/** One metric of single numbers, with all its samples. */
export interface NumberMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: Iterable<{ readonly labels: MetricLabels; readonly value: number }>;
}

/** One metric that counts by size. */
export interface HistogramMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly samples: Iterable<{ readonly labels: MetricLabels; readonly histogram: HistogramSnapshot }>;
}

/** What metrics are made of. */
export interface Measured {
  readonly pools: readonly Pool[];
  readonly frontends: readonly Frontend[];
  /** The bytes of connections that are not over yet. */
  liveBytes(backend: Backend): { readonly bytesIn: number; readonly bytesOut: number };
}

const STATES: readonly BackendState[] = ["up", "suspect", "down", "draining", "disabled"];

type Row = readonly [labels: MetricLabels, value: number];

/** The counters of a balancer as Prometheus names them. Reads them when its samples are read, and keeps nothing. */
export function* balancerMetrics(measured: Measured): Generator<NumberMetric | HistogramMetric> {
  yield* frontendMetrics(measured.frontends);
  yield* poolMetrics(measured.pools);
  yield* backendNumbers(measured);
  yield* backendHistograms(measured.pools);
}

function* frontendMetrics(frontends: readonly Frontend[]): Generator<NumberMetric> {
  const each = (value: (frontend: Frontend) => number) =>
    frontends.map((frontend): Row => [{ frontend: frontend.name }, value(frontend)]);
  yield metric(
    "gauge",
    "chorus_frontend_connections",
    "Clients that are connected now.",
    each((frontend) => frontend.connections),
  );
  yield metric(
    "counter",
    "chorus_frontend_connections_total",
    "Clients that were accepted.",
    each(({ counters }) => counters.total),
  );
  const refused = frontends.flatMap(({ name, counters }) =>
    Object.entries(counters.refused).map(([reason, count]): Row => [{ frontend: name, reason }, count]),
  );
  yield metric(
    "counter",
    "chorus_frontend_refused_total",
    "Clients that were not served, by reason.",
    refused,
  );
}

function* poolMetrics(pools: readonly Pool[]): Generator<NumberMetric> {
  yield metric(
    "gauge",
    "chorus_pool_queued",
    "Clients that wait for a backend that has room.",
    pools.map((pool): Row => [{ pool: pool.name }, pool.queued]),
  );
  const counts = pools.flatMap((pool) => {
    const states = Array.from(pool.backends(), (backend) => backend.state());
    return STATES.map(
      (state): Row => [{ pool: pool.name, state }, states.filter((each) => each === state).length],
    );
  });
  yield metric("gauge", "chorus_pool_backends", "Backends, by state.", counts);
  const capacities = pools.flatMap((pool): Row[] =>
    pool.capacity === undefined ? [] : [[{ pool: pool.name }, pool.capacity]],
  );
  yield metric(
    "gauge",
    "chorus_pool_capacity",
    "Connections that the healthy backends may have, where they tell.",
    capacities,
  );
}

type BackendNumber = readonly [
  type: NumberMetric["type"],
  name: string,
  help: string,
  value: (backend: Backend) => number,
];

const BACKEND_NUMBERS: readonly BackendNumber[] = [
  [
    "gauge",
    "up",
    "1 while it is up or suspect, else 0.",
    (backend) => (isServingState(backend.state()) ? 1 : 0),
  ],
  ["gauge", "weight", "Its share of new clients compared with others.", ({ weight }) => weight],
  ["gauge", "connections", "Connections that it has now.", ({ active }) => active],
  ["counter", "connections_total", "Clients that it was picked for.", ({ total }) => total],
  [
    "counter",
    "connect_failures_total",
    "Clients that could not be connected.",
    (b) => b.counters.connectFailures,
  ],
  ["gauge", "missed", "Heartbeats without an answer since the last one.", ({ health }) => health.missed],
  ["counter", "heartbeats_total", "Heartbeats that were sent.", ({ counters }) => counters.probes],
  [
    "counter",
    "heartbeats_missed_total",
    "Heartbeats not answered in time.",
    ({ counters }) => counters.misses,
  ],
  ["counter", "state_changes_total", "How often its state changed.", ({ counters }) => counters.stateChanges],
];

interface Placed {
  readonly labels: MetricLabels;
  readonly backend: Backend;
}

function placed(pools: readonly Pool[]): Placed[] {
  return pools.flatMap((pool) =>
    Array.from(pool.backends(), (backend) => ({
      labels: { pool: pool.name, backend: backend.name },
      backend,
    })),
  );
}

function* backendNumbers({ pools, liveBytes }: Measured): Generator<NumberMetric> {
  const all = placed(pools);
  for (const [type, name, help, value] of BACKEND_NUMBERS) {
    const rows = all.map(({ labels, backend }): Row => [labels, value(backend)]);
    yield metric(type, `chorus_backend_${name}`, help, rows);
  }
  const bytes = all.flatMap(({ labels, backend }): Row[] => {
    const live = liveBytes(backend);
    return [
      [{ ...labels, direction: "in" }, backend.counters.bytesIn + live.bytesIn],
      [{ ...labels, direction: "out" }, backend.counters.bytesOut + live.bytesOut],
    ];
  });
  yield metric(
    "counter",
    "chorus_backend_bytes_total",
    "Bytes from clients to it (in) and back (out).",
    bytes,
  );
  const ended = all.flatMap(({ labels, backend }) =>
    Object.entries(backend.counters.ended).map(([reason, count]): Row => [{ ...labels, reason }, count]),
  );
  yield metric("counter", "chorus_backend_ended_total", "Connections that are over, by reason.", ended);
}

type BackendHistogram = readonly [name: string, help: string, value: (backend: Backend) => HistogramSnapshot];

const BACKEND_HISTOGRAMS: readonly BackendHistogram[] = [
  ["connect", "How long it took to connect clients.", ({ counters }) => counters.connectSeconds.snapshot()],
  ["session", "How long its connections lived.", ({ counters }) => counters.sessionSeconds.snapshot()],
  ["heartbeat", "How long heartbeats took.", ({ counters }) => counters.heartbeatSeconds.snapshot()],
];

function* backendHistograms(pools: readonly Pool[]): Generator<HistogramMetric> {
  const all = placed(pools);
  for (const [name, help, value] of BACKEND_HISTOGRAMS) {
    const samples = all.map(({ labels, backend }) => ({ labels, histogram: value(backend) }));
    yield { name: `chorus_backend_${name}_seconds`, help, type: "histogram", samples };
  }
}

function metric(type: NumberMetric["type"], name: string, help: string, rows: readonly Row[]): NumberMetric {
  return { name, help, type, samples: rows.map(([labels, value]) => ({ labels, value })) };
}
