/**
 * Runs benchmarks: each row of a scenario once a round, in another order each time, so that what else the machine does hits all of them.
 *
 *     npm run bench -- [--list] [--only SCENARIO[/ROW]] [--quick|--paired] [--rounds N] [--seconds S] [--json FILE] [--draw]
 *     npm run bench -- --micro NAME [--runtime node|bun|deno]
 *
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { allScenarios } from "./all_scenarios.ts";
import type { Round, Row, Sample, Scenario } from "./contract.ts";
import { asPaired, measurePair } from "./paired.ts";
import { RUNTIME_NAMES, type RuntimeName } from "./processes.ts";
import { type RowSamples, tableOf } from "./report.ts";
import { pairedFileOf, redraw, save } from "./results.ts";
import { microNames, runMicro } from "./run_micro.ts";

/** Those that are measured have the machine for themselves; most of what a quick look takes is waiting for programs to start. */
const ROWS_AT_ONCE: Readonly<Record<Round["size"], number>> = { full: 1, small: 2 };

/** Of a scenario that does not say otherwise. */
const ROUNDS = 5;

const USAGE = `npm run bench -- [--list] [--only SCENARIO[/ROW]] [--quick|--paired] [--rounds N] [--seconds S] [--json FILE] [--draw]
npm run bench -- --micro NAME [--runtime node|bun|deno]`;

const values = parse();

function parse() {
  try {
    return parseArgs({
      options: {
        help: { type: "boolean" },
        list: { type: "boolean" },
        only: { type: "string", multiple: true },
        quick: { type: "boolean" },
        paired: { type: "boolean" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        json: { type: "string" },
        draw: { type: "boolean" },
        micro: { type: "string" },
        runtime: { type: "string", multiple: true },
      },
    }).values;
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`);
  }
}

/**
 * Those that `--only` names, each with the rows that it names, and always with the one that will be the baseline; without `--only` all, but
 * for a quick look those scenarios and rows that are variants of others.
 */
function chosen(scenarios: readonly Scenario[], only: readonly string[]): readonly Scenario[] {
  if (only.length === 0) return values.quick ? withoutVariants(scenarios) : scenarios;
  for (const name of only) {
    const [scenario = "", row] = name.split("/", 2);
    const found = scenarios.find((one) => one.name === scenario);
    if (!found)
      fail(`there is no scenario "${scenario}"; there are ${scenarios.map((one) => one.name).join(", ")}`);
    else if (row !== undefined && !found.rows.some((one) => one.name === row))
      fail(`"${scenario}" has no row "${row}"; it has ${found.rows.map((one) => one.name).join(", ")}`);
  }
  return scenarios.flatMap((scenario) => {
    const wanted = only.filter((name) => name.split("/", 1)[0] === scenario.name);
    if (wanted.length === 0) return [];
    if (wanted.includes(scenario.name)) return [scenario];
    const baseline = baselineRowOf(scenario);
    const isWanted = (row: Row) => row === baseline || wanted.includes(`${scenario.name}/${row.name}`);
    return [{ ...scenario, rows: scenario.rows.filter(isWanted) }];
  });
}

function withoutVariants(scenarios: readonly Scenario[]): readonly Scenario[] {
  return scenarios
    .filter(({ variantOf }) => variantOf === undefined)
    .map((scenario) => ({ ...scenario, rows: scenario.rows.filter(({ isVariant }) => !isVariant) }));
}

/** The first of the scenario's baselines that can be measured here. */
function baselineRowOf({ baselines, rows }: Scenario): Row | undefined {
  const found = baselines.map((name) => rows.find((row) => row.name === name));
  return found.find((row) => row !== undefined && row.missing?.() === undefined);
}

function fail(message: string): never {
  console.error(`Cannot run benchmarks: ${message}`);
  process.exit(2);
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((one, other) => one.key - other.key)
    .map(({ item }) => item);
}

/** Those that can be measured here; says which cannot, and why. */
function measurable(scenario: Scenario): readonly Row[] {
  return scenario.rows.filter((row) => {
    const reason = row.missing?.();
    if (reason !== undefined) console.log(`${scenario.name}/${row.name} is left out: ${reason}`);
    return reason === undefined;
  });
}

async function run(scenario: Scenario, rounds: number, round: Round): Promise<readonly RowSamples[]> {
  const rows = measurable(scenario);
  const samples = new Map<Row, Sample[]>(rows.map((row) => [row, []]));
  for (let number = 1; number <= rounds; number++) {
    const left = shuffled(rows);
    const measureInTurn = async (): Promise<void> => {
      for (let row = left.pop(); row; row = left.pop()) {
        progress(`${scenario.name} round ${number} of ${rounds}: ${row.name}`);
        samples.get(row)?.push(await row.measure(round));
      }
    };
    const turns = Array.from({ length: ROWS_AT_ONCE[round.size] }, measureInTurn);
    // When one fails, the other still ends what it has started.
    await Promise.allSettled(turns);
    await Promise.all(turns);
  }
  progress("");
  return rows.map((row) => withSamples(row, samples.get(row) ?? []));
}

function withSamples({ name, kind }: Row, samples: readonly Sample[]): RowSamples {
  return { row: name, kind, samples };
}

/** Each row in turns with the baseline. @returns For each the baseline's samples and its own. */
async function runPaired(
  scenario: Scenario,
  rounds: number,
  round: Round,
): Promise<readonly (readonly RowSamples[])[]> {
  const base = baselineRowOf(scenario);
  if (!base) return fail(`"${scenario.name}" has nothing here to be compared with`);
  const pairs = measurable(scenario)
    .filter((row) => row !== base)
    .map((row) => ({ row, ofBase: [] as Sample[], own: [] as Sample[] }));
  for (let number = 1; number <= rounds; number++) {
    for (const { row, ofBase, own } of shuffled(pairs)) {
      progress(`${scenario.name} round ${number} of ${rounds}: ${row.name} and ${base.name} in turns`);
      const [first, second] = await measurePair(scenario, [base, row], round);
      ofBase.push(first);
      own.push(second);
    }
  }
  progress("");
  return pairs.map(({ row, ofBase, own }) => [withSamples(base, ofBase), withSamples(row, own)]);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}

function list(scenarios: readonly Scenario[]): void {
  for (const { name, title, rows } of scenarios) {
    console.log(`${name}: ${title}\n  ${rows.map((row) => row.name).join(", ")}`);
  }
  console.log(`--micro ${microNames().join(", ")}`);
}

/** How much is asked for; of rounds undefined where that is left to the scenario. */
function roundsAsked(): Round & { readonly rounds: number | undefined } {
  const [rounds, seconds, warmUpMs] = values.quick ? [1, 0.2, 100] : [undefined, 5, 2000];
  const asked = {
    rounds: values.rounds === undefined ? rounds : Number(values.rounds),
    measureMs: Number(values.seconds ?? seconds) * 1000,
    size: values.quick ? ("small" as const) : ("full" as const),
  };
  if (!((asked.rounds ?? 1) >= 1 && asked.measureMs > 0)) fail("--rounds and --seconds take a number from 1");
  return { ...asked, warmUpMs };
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const scenarios = await allScenarios();
  if (values.list) {
    list(scenarios);
    return;
  }
  const wanted = chosen(scenarios, values.only ?? []);
  if (values.draw) {
    for (const scenario of wanted) {
      if (!redraw(scenario)) console.log(`${scenario.name} is left out: it has no result`);
    }
    return;
  }
  await measure(wanted);
}

async function measure(scenarios: readonly Scenario[]): Promise<void> {
  if (values.quick && values.paired) fail("--quick and --paired do not go together");
  const asked = roundsAsked();
  if (values.quick) console.log("A quick look: the figures only say that it works.");
  // Programs start in half the time, which is most of a quick look.
  if (values.quick) process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "chorus-bench-cache");
  for (const scenario of scenarios) {
    const round = { ...asked, rounds: asked.rounds ?? scenario.rounds ?? ROUNDS };
    if (values.paired) {
      await measureInPairs(scenario, round);
      continue;
    }
    const rows = await run(scenario, round.rounds, round);
    console.log(`\n${tableOf(scenario, rows)}`);
    // A quick look is kept only where that is asked for.
    if (!values.quick || values.json !== undefined) save(scenario, { ...round, rows }, values.json);
  }
}

async function measureInPairs(scenario: Scenario, round: Round & { readonly rounds: number }): Promise<void> {
  const pairs = await runPaired(scenario, round.rounds, round);
  for (const rows of pairs) console.log(`\n${tableOf(asPaired(scenario), rows)}`);
  save(scenario, { ...round, rows: pairs.flat() }, values.json ?? pairedFileOf(scenario));
}

if (values.micro === undefined) {
  await main();
} else {
  if (!microNames().includes(values.micro))
    fail(`there is no "${values.micro}"; there are ${microNames().join(", ")}`);
  const runtimes = (values.runtime ?? RUNTIME_NAMES) as readonly RuntimeName[];
  if (!runMicro(values.micro, runtimes)) process.exitCode = 1;
}
