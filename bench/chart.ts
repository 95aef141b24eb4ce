import type { Metric, Scenario } from "./contract.ts";
import { baselineOf, drawnOf, type RowSamples, type Spread, spreadOf, valuesOf } from "./report.ts";

/** One bar: a row's median of a metric, with the least and the most of it. */
export interface Bar extends Spread {
  readonly row: string;
  readonly kind: string;
}

/** The bars of one metric. */
export interface Panel {
  readonly metric: Metric;
  /** In the order of the rows, without those that have no such metric. */
  readonly bars: readonly Bar[];
  /** The baseline's median, where there is one. */
  readonly baseline: number | undefined;
}

/** What the picture of a scenario shows: a panel for each metric that it draws. */
export function panelsOf(scenario: Scenario, rows: readonly RowSamples[]): readonly Panel[] {
  const base = baselineOf(scenario, rows);
  return drawnOf(scenario).map((metric) => {
    const all = rows.map(
      (row): Bar => ({ row: row.row, kind: row.kind, ...spreadOf(valuesOf(row, metric)) }),
    );
    const bars = all.filter(({ median }) => !Number.isNaN(median));
    return { metric, bars, baseline: bars.find(({ row }) => row === base?.row)?.median };
  });
}
