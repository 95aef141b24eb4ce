import type { Verdict } from "../faults/ledger.ts";
import type { SoakOptions } from "./contract.ts";

/** What one soak has found. */
export interface SoakReport {
  readonly options: SoakOptions;
  readonly verdict: Verdict;
  /** Clients that gave up by themselves. */
  readonly ended: readonly string[];
  readonly faults: ReadonlyMap<string, number>;
  readonly minutes: number;
}

/** The findings as a table in Markdown, with the first of what is wrong below. */
export function describe({ options, verdict, ended, faults, minutes }: SoakReport): string {
  const { lost, duplicated, reordered, overtaken } = verdict;
  const rows: readonly (readonly [string, string | number])[] = [
    ["store, runtime, seed", `${options.store}, ${options.runtime}, ${options.seed}`],
    ["minutes", minutes.toFixed(1)],
    ["sent", verdict.sent],
    ["acknowledged", verdict.acknowledged],
    ["delivered", verdict.delivered],
    ["lost", lost.length],
    ["duplicated", duplicated.length],
    ["reordered", reordered.length],
    ["false", verdict.false.length],
    ["out of their sender's order", overtaken.length],
    ["clients that gave up", ended.length],
    ["unknown", verdict.unknown],
    ["gaps", verdict.gaps],
    ["resyncs", verdict.resyncs],
    ["latest after its `ok`", `${(verdict.latestMs / 1000).toFixed(1)} s`],
    ["faults", [...faults.values()].reduce((sum, count) => sum + count, 0)],
    ...[...faults].sort().map(([name, count]): readonly [string, number] => [`– ${name}`, count]),
  ];
  const table = rows.map(([name, value]) => `| ${name} | ${value} |`).join("\n");
  const wrong = [...ended, ...lost, ...duplicated, ...reordered, ...verdict.false, ...overtaken].slice(0, 20);
  return `| soak | |\n|---|---|\n${table}\n${wrong.map((sentence) => `\n${sentence}`).join("")}`;
}

/** Whether the promise was kept. */
export function isKept({ verdict, ended }: SoakReport): boolean {
  const { lost, duplicated, reordered, overtaken, false: wrong } = verdict;
  return [lost, duplicated, reordered, overtaken, wrong, ended].every((list) => list.length === 0);
}
