import type { Verdict } from "../faults/ledger.ts";
import type { SoakOptions } from "./contract.ts";

/** What one soak has found. */
export interface SoakReport {
  readonly options: SoakOptions;
  readonly verdict: Verdict;
  readonly faults: ReadonlyMap<string, number>;
  readonly minutes: number;
}

/** The findings as a table in Markdown, with the first of what is wrong below. */
export function describe({ options, verdict, faults, minutes }: SoakReport): string {
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
    ["unknown", verdict.unknown],
    ["gaps", verdict.gaps],
    ["resyncs", verdict.resyncs],
    ["latest after its `ok`", `${(verdict.latestMs / 1000).toFixed(1)} s`],
    ["faults", [...faults.values()].reduce((sum, count) => sum + count, 0)],
    ...[...faults].sort().map(([name, count]): readonly [string, number] => [`– ${name}`, count]),
  ];
  const table = rows.map(([name, value]) => `| ${name} | ${value} |`).join("\n");
  const wrong = [...lost, ...duplicated, ...reordered, ...verdict.false, ...overtaken].slice(0, 20);
  return `| soak | |\n|---|---|\n${table}\n${wrong.map((sentence) => `\n${sentence}`).join("")}`;
}

/** Whether the promise was kept. The order between the sends of one user is not part of it: only that of the conversation is. */
export function isKept({ lost, duplicated, reordered, false: wrong }: Verdict): boolean {
  return lost.length + duplicated.length + reordered.length + wrong.length === 0;
}
