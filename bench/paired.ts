/**
 * Two rows measured at once, each of them stopped while the other runs: what else the machine does, which changes within seconds, hits both
 * alike.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import type { Metric, Round, Row, Sample, Scenario } from "./contract.ts";

/** How long one runs before it is the other's turn. */
const TURN_MS = 250;
/** What ends a measurement early: then nothing of it is to be left. */
const INTERRUPTIONS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
/** What is waited for is longer by the turns of the other: such a metric says nothing here. */
const WAITED_UNIT = "ms";

/** A scenario as far as pairs can tell of it. */
export function asPaired(scenario: Scenario): Scenario {
  const metrics: readonly Metric[] = scenario.metrics.filter(({ unit }) => unit !== WAITED_UNIT);
  return { ...scenario, title: `${scenario.title}; in turns`, metrics };
}

/**
 * Measures two rows in turns of a quarter of a second.
 *
 * @param round Each row runs for half of twice that time: so rates are half of what they would be.
 * @returns A sample of each.
 */
export async function measurePair(
  scenario: Scenario,
  rows: readonly [Row, Row],
  { warmUpMs, measureMs, size }: Round,
): Promise<readonly [Sample, Sample]> {
  const round: Round = { warmUpMs: 2 * warmUpMs, measureMs: 2 * measureMs, size };
  const [one, other] = rows.map((row) => start(scenario, row, round)) as [ChildProcess, ChildProcess];
  let [running, stopped] = [one, other];
  // Also when one of them has ended: else the last of the other would be more than its share.
  const turns = setInterval(() => {
    [running, stopped] = [stopped, running];
    signal(stopped, "SIGSTOP");
    signal(running, "SIGCONT");
  }, TURN_MS);
  signal(stopped, "SIGSTOP");
  const end = (): void => {
    for (const child of [one, other]) signal(child, "SIGKILL");
  };
  const interrupted = (): void => process.exit(130);
  process.once("exit", end);
  for (const name of INTERRUPTIONS) process.once(name, interrupted);
  try {
    return await Promise.all([sampleOf(one), sampleOf(other)]);
  } finally {
    clearInterval(turns);
    process.off("exit", end);
    for (const name of INTERRUPTIONS) process.off(name, interrupted);
    // A row that has ended by itself has ended all that it has started; another one leaves nothing, and nothing that is stopped.
    end();
  }
}

function start(scenario: Scenario, row: Row, round: Round): ChildProcess {
  const file = join(import.meta.dirname, "measure_row.ts");
  const args = [file, scenario.name, row.name, JSON.stringify(round)];
  // Detached it is a group of its own, with all that it starts.
  return spawn(process.execPath, args, { detached: true, stdio: ["ignore", "pipe", "inherit"] });
}

/** To all of its group that there are: also where it has ended itself and left some behind. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function sampleOf(child: ChildProcess): Promise<Sample> {
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      // Only measure_row.ts writes here, and nothing before it has measured.
      if (code === 0 && output !== "") resolve(JSON.parse(output) as Sample);
      else reject(new Error(`Cannot measure: a row ended with ${code ?? child.signalCode} and no sample`));
    });
  });
}
