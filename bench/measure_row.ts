/**
 * Measures one row once and prints its sample as JSON: `node bench/measure_row.ts SCENARIO ROW ROUND`, the round as JSON, too. What
 * `paired.ts` starts, so that all that belongs to the row is of one process group.
 *
 * @module
 */
import process from "node:process";
import { allScenarios } from "./all_scenarios.ts";
import type { Round } from "./contract.ts";

const [scenario, name, round] = process.argv.slice(2);
const row = (await allScenarios())
  .find((one) => one.name === scenario)
  ?.rows.find((one) => one.name === name);
if (!row || round === undefined)
  throw new Error(`Cannot measure: there is no row "${name}" of "${scenario}"`);
// Only paired.ts starts this.
process.stdout.write(JSON.stringify(await row.measure(JSON.parse(round) as Round)));
