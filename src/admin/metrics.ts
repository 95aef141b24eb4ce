import { setImmediate } from "node:timers";
import type { Metric, Registry } from "prom-client";
import type { HistogramCounts, MetricFamily, ProcessUsage, SampleLabels } from "./metric_contract.ts";

/** An exposition as Prometheus reads it. */
export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

/** So many lines are written at a time; what else there is to do comes between. */
const LINES_AT_ONCE = 1000;

/**
 * Writes metrics as Prometheus reads them. `prom-client` is loaded at the first call.
 *
 * With many backends this is work for a good part of a second, so it is done in pieces: clients are served meanwhile.
 *
 * @throws {Error} When two families have one name.
 */
export async function expose(families: Iterable<MetricFamily>): Promise<Exposition> {
  const { Registry } = await import("prom-client");
  const registry = new Registry();
  const names = new Set<string>();
  const parts: string[] = [];
  for (const family of families) {
    if (names.has(family.name)) throw new Error(`Cannot write metrics: ${family.name} comes twice`);
    names.add(family.name);
    for await (const part of partsOf(registry, family)) parts.push(part);
  }
  return { text: `${parts.join("\n")}\n`, contentType: registry.contentType };
}

async function* partsOf(registry: Registry, family: MetricFamily): AsyncGenerator<string> {
  const lines = linesOf(family);
  for (let start = 0; start === 0 || start < lines.length; start += LINES_AT_ONCE) {
    registry.registerMetric(toMetric(family, lines.slice(start, start + LINES_AT_ONCE)));
    const text = await registry.getSingleMetricAsString(family.name);
    registry.removeSingleMetric(family.name);
    // Its name and its help come first each time, and are wanted once.
    yield start === 0 ? text : text.split("\n").slice(2).join("\n");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What a process uses, as metrics by the names that every Prometheus client gives them. */
export function usageFamilies(usage: ProcessUsage): MetricFamily[] {
  const one = (name: string, help: string, type: "counter" | "gauge", value: number): MetricFamily => ({
    name,
    help,
    type,
    samples: [{ labels: {}, value }],
  });
  return [
    one("process_resident_memory_bytes", "Memory that the process holds.", "gauge", usage.residentBytes),
    one("process_cpu_seconds_total", "Processor time that was used.", "counter", usage.cpuSeconds),
    one(
      "process_start_time_seconds",
      "When the process was started, in seconds since 1970.",
      "gauge",
      usage.startedAtSeconds,
    ),
    one("chorus_open_sockets", "Sockets that the process has open.", "gauge", usage.openSockets),
  ];
}

/** One line: a sample by the family's own name, or by another one. */
interface Line {
  readonly metricName?: string;
  /** Set out once, for all lines that share the very object. */
  readonly sharedLabels: SampleLabels;
  readonly labels?: SampleLabels;
  readonly value: number;
}

/** A metric that only gives its values: all that a registry asks of one. */
function toMetric({ name, help, type }: MetricFamily, values: readonly Line[]): Metric {
  const get = () => Promise.resolve({ name, help, type, values });
  // The library's types ask for its own classes, which count by themselves; its registry calls nothing but these.
  return { name, help, type, get } as unknown as Metric;
}

function linesOf(family: MetricFamily): readonly Line[] {
  if (family.type !== "histogram")
    return Array.from(family.samples, ({ labels: sharedLabels, value }) => ({ sharedLabels, value }));
  return Array.from(family.samples, ({ labels, histogram }) =>
    bucketsOf(family.name, labels, histogram),
  ).flat();
}

function bucketsOf(name: string, sharedLabels: SampleLabels, counted: HistogramCounts): Line[] {
  const { bounds, counts, sum, count } = counted;
  const bucket = (le: string, value: number): Line => ({
    metricName: `${name}_bucket`,
    sharedLabels,
    labels: { le },
    value,
  });
  return [
    ...bounds.map((bound, index) => bucket(String(bound), counts[index] ?? 0)),
    bucket("+Inf", count),
    { metricName: `${name}_sum`, sharedLabels, value: sum },
    { metricName: `${name}_count`, sharedLabels, value: count },
  ];
}
