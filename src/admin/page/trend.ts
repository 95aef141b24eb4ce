import type { Model } from "./model.ts";
import type { BackendRow } from "./rows.ts";

/** So many samples are kept: ten minutes, one a second. */
export const SAMPLES = 600;

/** What is kept of a scope, one line of samples each. */
export const MEASURES = [
  "time",
  "connections",
  "bytesIn",
  "bytesOut",
  "connectMs",
  "waiting",
  "received",
  "sessions",
] as const;

/** One of {@linkcode MEASURES}. */
export type Measure = (typeof MEASURES)[number];

/** One sample of each measure. `connectMs` is undefined where nobody was connected. */
export type Sample = Readonly<Record<Exclude<Measure, "connectMs">, number>> & {
  readonly connectMs: number | undefined;
};

/**
 * The last {@linkcode SAMPLES} values of something, side by side in memory without ever moving them.
 *
 * Each is written twice, half of the room apart, so that the last ones are always one piece.
 */
class Line {
  readonly #values = new Float64Array(2 * SAMPLES);
  #next = 0;
  #count = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#values[this.#next + SAMPLES] = value;
    this.#next = (this.#next + 1) % SAMPLES;
    this.#count = Math.min(SAMPLES, this.#count + 1);
  }

  /** The oldest first. Good until the next one is added. */
  get values(): Float64Array {
    const end = this.#next + SAMPLES;
    return this.#values.subarray(end - this.#count, end);
  }

  get last(): number | undefined {
    return this.values.at(-1);
  }
}

/** What one scope did over the last ten minutes. Takes the same memory after a second and after a year. */
export class Trend {
  readonly #lines = new Map<Measure, Line>(MEASURES.map((name) => [name, new Line()]));

  add(sample: Sample): void {
    // Where nobody was connected, it takes as long as it took the last ones, of whom there may be none.
    const connectMs = sample.connectMs ?? this.last("connectMs") ?? Number.NaN;
    for (const [name, line] of this.#lines) line.add(name === "connectMs" ? connectMs : sample[name]);
  }

  values(measure: Measure): Float64Array {
    return this.#lines.get(measure)?.values ?? new Float64Array();
  }

  /** The newest value; undefined before there is one, and NaN where nothing is known yet. */
  last(measure: Measure): number | undefined {
    return this.#lines.get(measure)?.last;
  }
}

/** What is looked at: everything, a pool by its key, or a backend by its key. */
export type Scope =
  | { readonly kind: "all" }
  | { readonly kind: "pool"; readonly key: string; readonly name: string }
  | { readonly kind: "backend"; readonly key: string; readonly name: string };

/** Beside everything, so many scopes are recorded; the one that was chosen longest ago is forgotten for a new one. */
const MAX_SCOPES = 8;

/** The trends of everything, and of what was last chosen, each from then on. */
export class Trends {
  readonly #all = new Trend();
  readonly #chosen = new Map<string, { readonly scope: Scope; readonly trend: Trend }>();

  /** The trend of a scope, which is recorded from now on. */
  of(scope: Scope): Trend {
    if (scope.kind === "all") return this.#all;
    const id = `${scope.kind}\n${scope.key}`;
    const found = this.#chosen.get(id) ?? { scope, trend: new Trend() };
    this.#chosen.delete(id);
    this.#chosen.set(id, found);
    const [oldest] = this.#chosen.keys();
    if (this.#chosen.size > MAX_SCOPES && oldest !== undefined) this.#chosen.delete(oldest);
    return found.trend;
  }

  /** Adds one sample to each. */
  record(model: Model): void {
    this.#all.add(sampleOf(model, { kind: "all" }));
    for (const { scope, trend } of this.#chosen.values()) trend.add(sampleOf(model, scope));
  }
}

/** What a scope does now. */
export function sampleOf(model: Model, scope: Scope): Sample {
  const sum = { connections: 0, bytesIn: 0, bytesOut: 0, connected: 0, connectSeconds: 0 };
  for (const backend of model.backends) {
    if (!isWithin(backend, scope)) continue;
    const rates = model.ratesOf(backend);
    sum.connections += backend.connections;
    sum.bytesIn += rates.bytesIn;
    sum.bytesOut += rates.bytesOut;
    sum.connected += rates.connected;
    sum.connectSeconds += rates.connectSeconds;
  }
  const { connected, connectSeconds, ...rest } = sum;
  const servers = scope.kind === "all" ? model.servers : [];
  const waiting = model.pools.filter(
    ({ key }) => scope.kind === "all" || (scope.kind === "pool" && scope.key === key),
  );
  return {
    ...rest,
    time: model.at / 1000,
    connectMs: connected > 0 ? (1000 * connectSeconds) / connected : undefined,
    waiting: total(waiting.map(({ queued = 0 }) => queued)),
    received: total(servers.map((server) => model.ratesOf(server).received)),
    sessions: total(servers.map(({ sessions }) => sessions)),
  };
}

function isWithin(backend: BackendRow, scope: Scope): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "pool":
      return backend.pool === scope.name;
    case "backend":
      return backend.key === scope.key;
  }
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
