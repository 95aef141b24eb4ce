import type { Metric, Sample, Scenario } from "./contract.ts";

/** All samples of one row. */
export interface RowSamples {
  readonly row: string;
  readonly kind: string;
  readonly samples: readonly Sample[];
}

/** What a metric came to over all rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The median, the smallest and the largest of some numbers. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** The metric that rows are compared by. */
export function comparedOf({ metrics, compared = metrics[0]?.name }: Scenario): Metric {
  return metricOf(metrics, compared, "compare rows");
}

function metricOf(metrics: readonly Metric[], wanted: string | undefined, action: string): Metric {
  const metric = metrics.find(({ name }) => name === wanted);
  if (!metric) throw new RangeError(`Cannot ${action}: there is no metric "${wanted}"`);
  return metric;
}

/** Those that the picture shows, in its order. */
export function drawnOf(scenario: Scenario): readonly Metric[] {
  const { drawn, metrics, name } = scenario;
  if (!drawn) return ratioMetricsOf(scenario);
  return drawn.map((wanted) => metricOf(metrics, wanted, `draw "${name}"`));
}

/** Those that a row is told as a ratio of the baseline: what rows are compared by, and how much was done if that is something else. */
export function ratioMetricsOf(scenario: Scenario): readonly Metric[] {
  return [...new Set([comparedOf(scenario), ...scenario.metrics.slice(0, 1)])];
}

/** The row that the others are a ratio of: the first of the scenario's baselines that was measured. */
export function baselineOf({ baselines }: Scenario, rows: readonly RowSamples[]): RowSamples | undefined {
  const found = baselines.map((name) => rows.find(({ row }) => row === name));
  return found.find((row) => row !== undefined);
}

/**
 * A table of a scenario: for each row the median of each metric, the range of the one that rows are compared by, and how the row stands to
 * the baseline in the median of the rounds.
 */
export function tableOf(scenario: Scenario, rows: readonly RowSamples[]): string {
  const { metrics } = scenario;
  const compared = comparedOf(scenario);
  const base = baselineOf(scenario, rows);
  const ratios = base ? ratioMetricsOf(scenario) : [];
  const header = [
    "",
    ...metrics.map(({ name, unit }) => `${name} ${unit}`.trim()),
    `${compared.name} min … max`,
    ...ratios.map(({ name }) => `${name} × ${base?.row}`),
  ];
  const lines = rows.map((row) => [
    row.row,
    ...metrics.map((metric) => show(spreadOf(valuesOf(row, metric)).median, metric)),
    rangeOf(row, compared),
    ...ratios.map((metric) => show(ratioOf(row, base, metric), { digits: 2 })),
  ]);
  return `${scenario.name}: ${scenario.title}\n${align([header, ...lines])}`;
}

/** A metric of each sample, in the order of the rounds; NaN where there is none. */
export function valuesOf({ samples }: RowSamples, { name }: Metric): number[] {
  return samples.map((sample) => sample[name] ?? Number.NaN);
}

function rangeOf(row: RowSamples, metric: Metric): string {
  const { min, max } = spreadOf(valuesOf(row, metric));
  return Number.isNaN(min) ? show(min, metric) : `${show(min, metric)} … ${show(max, metric)}`;
}

/** Round by round, since what else the machine does changes over time. */
function ratioOf(row: RowSamples, base: RowSamples | undefined, metric: Metric): number {
  const baseValues = base ? valuesOf(base, metric) : [];
  return spreadOf(valuesOf(row, metric).map((value, round) => value / (baseValues[round] ?? Number.NaN)))
    .median;
}

/** A value with the digits of its metric. */
export function show(value: number, { digits = 0 }: Pick<Metric, "digits">): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}
