/**
 * The soak: a real cluster under random faults, with a checker that knows every acknowledged message.
 *
 *     node tests/soak/main.ts [--minutes N] [--seed S] [--store sqlite|redis|sentinel|cluster]
 *                             [--runtime node|bun|deno|mixed] [--users N]
 *
 * Exit code 1 when a message was lost, shown twice or out of order. SIGINT ends the faults early; the rest is as at the end.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { wait, withDeadline } from "../../src/async/mod.ts";
import { Ledger } from "../faults/ledger.ts";
import { orUsage } from "../or_usage.ts";
import type { SoakOptions, SoakWorld } from "./contract.ts";
import { Hands } from "./hands.ts";
import { randomFrom } from "./random.ts";
import { redisWorld } from "./redis_world.ts";
import { describe, isKept, type SoakReport } from "./report.ts";
import { Traffic } from "./traffic.ts";
import { upWorld } from "./up_world.ts";

const USAGE = `npm run soak -- [--minutes N] [--seed S] [--store sqlite|redis|sentinel|cluster]
                [--runtime node|bun|deno|mixed] [--users N]`;

const PROGRESS_MS = 10_000;
/** How long everything may take to become quiet, once nothing is wrong any more. */
const QUIET_MS = 180_000;

function readOptions(): SoakOptions {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "20" },
      seed: { type: "string", default: `${Math.floor(Math.random() * 1_000_000)}` },
      store: { type: "string", default: "redis" },
      runtime: { type: "string", default: "mixed" },
      users: { type: "string", default: "24" },
    },
  });
  return {
    minutes: toNumber("minutes", values.minutes),
    seed: toNumber("seed", values.seed),
    users: toNumber("users", values.users),
    store: oneOf("store", values.store, ["sqlite", "redis", "sentinel", "cluster"]),
    runtime: oneOf("runtime", values.runtime, ["node", "bun", "deno", "mixed"]),
  };
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0) return value;
  throw new RangeError(`Cannot soak: --${name} takes a number from 0, received "${text}"`);
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const chosen = choices.find((choice) => choice === text);
  if (chosen !== undefined) return chosen;
  throw new RangeError(`Cannot soak: --${name} takes ${choices.join(", ")}, received "${text}"`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function soak(options: SoakOptions): Promise<SoakReport> {
  const random = randomFrom(options.seed);
  const ledger = new Ledger();
  await using world: SoakWorld =
    options.store === "sqlite" ? await upWorld(options) : await redisWorld(options);
  await using traffic = await Traffic.start(world, ledger, options.users, random.branch());
  const started = performance.now();
  const minutes = (): number => (performance.now() - started) / 60_000;
  const hands = new Hands([...world.faults, traffic.fault], random.branch());
  const progress = setInterval(() => {
    const { sent, acknowledged, delivered, missing } = ledger;
    const counts = `sent ${sent}, acknowledged ${acknowledged}, delivered ${delivered}, on their way ${missing}`;
    say(`${(minutes() * 60).toFixed(0).padStart(5)} s  ${counts}  ${hands.now}`);
  }, PROGRESS_MS);
  try {
    await wait(options.minutes * 60_000, { signal: interrupted.signal }).catch(() => say("told to end"));
    await hands.stop();
    say("no more faults; waiting for what is on its way");
    const quiet = traffic.finish().then(() => ledger.settled());
    await withDeadline(quiet, QUIET_MS, "see everything arrive").catch((error: Error) => say(error.message));
  } finally {
    clearInterval(progress);
  }
  return { options, verdict: ledger.verdict(), ended: traffic.ended, faults: hands.done, minutes: minutes() };
}

// What the tests' own module collects would be swallowed here.
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    say(`the soak failed: ${error instanceof Error ? error.stack : error}`);
    process.exit(2);
  });
}
const options = orUsage(USAGE, readOptions);
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // A second time: at once; what was started goes with us.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
}
say(`soak with --seed ${options.seed} --store ${options.store} --runtime ${options.runtime}`);
const report = await soak(options);
say(describe(report));
process.exitCode = isKept(report) ? 0 : 1;
