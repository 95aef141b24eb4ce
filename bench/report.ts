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

/**
 * A table of a scenario: for each row the median of each metric, the range of the first one, and how the first one stands to the baseline's in
 * the median of the rounds.
 */
export function tableOf(scenario: Scenario, rows: readonly RowSamples[]): string {
  const { metrics, baseline } = scenario;
  const base = rows.find(({ row }) => row === baseline);
  const header = ["", ...metrics.map(({ name, unit }) => `${name} ${unit}`), "min … max", `× ${baseline}`];
  const lines = rows.map((row) => [
    row.row,
    ...metrics.map((metric) => show(spreadOf(valuesOf(row, metric)).median, metric)),
    rangeOf(row, metrics[0]),
    ratioOf(row, base, metrics[0]),
  ]);
  return `${scenario.name}: ${scenario.title}\n${align([header, ...lines])}`;
}

function valuesOf({ samples }: RowSamples, { name }: Metric): number[] {
  return samples.map((sample) => sample[name] ?? Number.NaN);
}

function rangeOf(row: RowSamples, metric: Metric | undefined): string {
  if (!metric) return "";
  const { min, max } = spreadOf(valuesOf(row, metric));
  return `${show(min, metric)} … ${show(max, metric)}`;
}

/** Round by round, since what else the machine does changes over time. */
function ratioOf(row: RowSamples, base: RowSamples | undefined, metric: Metric | undefined): string {
  if (!base || !metric) return "";
  const baseValues = valuesOf(base, metric);
  const ratios = valuesOf(row, metric).map((value, round) => value / (baseValues[round] ?? Number.NaN));
  return spreadOf(ratios).median.toFixed(2);
}

function show(value: number, { digits = 0 }: Metric): string {
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
