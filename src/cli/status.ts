import process from "node:process";
import type { DrainView, FrontendView, HealthReport, PoolView } from "../admin/mod.ts";
import { wait } from "../async/mod.ts";
import type { AdminClient } from "./admin_client.ts";
import { ADMIN_FLAGS, clientOf, poolFlag, readCommandLine } from "./admin_flags.ts";
import { StartError, UsageError } from "./errors.ts";
import { switchFlag } from "./flag_kinds.ts";
import { wordsOf } from "./log.ts";
import { unread, writeLines } from "./output.ts";
import type { Interruption } from "./process.ts";
import { factsOf, type Status, screenOf } from "./status_view.ts";
import { color } from "./table.ts";

const STATUS = {
  name: "status",
  operands: "",
  counts: [0, 0],
  flags: {
    watch: switchFlag(
      "follow it until Ctrl-C: on a terminal a picture a second, else a line for each change",
    ),
    json: switchFlag("one JSON object a line"),
    pool: { ...poolFlag, help: "this pool alone" },
    ...ADMIN_FLAGS,
  },
  summary:
    "Shows the backends of a running balancer, their state, connections and heartbeats, its frontends and its drains.",
} as const;

/** Between two looks of `--watch`, in milliseconds. */
const WATCH_MS = 1000;

/** `chorus status`: gives the exit code. */
export async function status(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const parsed = readCommandLine(STATUS, argv);
  if (!parsed) return 0;
  const { json, pool } = parsed.values;
  const client = clientOf(parsed.values);
  const nobody = unread();
  const first = await look(client, pool);
  if (!parsed.values.watch) {
    await writeLines(onceAs(first, json));
    return 0;
  }
  const view = viewFor(json);
  const stop = new AbortController();
  void interrupted.asked.then(() => stop.abort());
  try {
    view.show(first);
    await follow(() => look(client, pool), view, AbortSignal.any([stop.signal, nobody]));
  } finally {
    view.close();
  }
  return 0;
}

async function look(client: AdminClient, pool: string | undefined): Promise<Status> {
  const [health, pools, frontends, drains] = await Promise.all([
    client.read("/health"),
    client.read("/api/pools"),
    client.read("/api/frontends"),
    client.read("/api/drains"),
  ]);
  if (!(health && "healthy" in health)) throw new StartError(`What answers at ${client.name} is not Chorus`);
  const all = listIn<PoolView>(pools, "pools");
  const shown = pool === undefined ? all : all.filter(({ name }) => name === pool);
  if (pool !== undefined && shown.length === 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new UsageError(`--pool: there is no pool "${pool}"; there are ${names || "none"}`);
  }
  return {
    address: client.name,
    // Our own words for our own program: what it lacks is shown as missing.
    health: { role: "unknown", ...health } as HealthReport,
    pools: shown,
    frontends: listIn<FrontendView>(frontends, "frontends"),
    drains: listIn<DrainView>(drains, "drains"),
  };
}

/** A list of an answer; empty where the role has nothing of the kind. */
function listIn<T>(answer: object | undefined, key: string): readonly T[] {
  const found: unknown = Reflect.get(answer ?? {}, key);
  // Our own words for our own program, too.
  return Array.isArray(found) ? (found as readonly T[]) : [];
}

function onceAs(found: Status, isJson: boolean): string[] {
  if (isJson) return [jsonLine(found)];
  if (process.stdout.isTTY) return screenOf(found, process.stdout.columns || 80);
  return factsOf(found).map(({ line }) => line);
}

function jsonLine({ health, pools, frontends, drains }: Status): string {
  return JSON.stringify({ health, pools, frontends, drains });
}

/** Looks once a second. A balancer that does not answer for a while is waited for. */
async function follow(again: () => Promise<Status>, view: View, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // An interruption ends the wait, and the loop ends by itself then.
    await wait(WATCH_MS, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    // A reader that is behind is not given more to read.
    if (process.stdout.writableNeedDrain) continue;
    try {
      view.show(await again());
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      view.problem(wordsOf(error));
    }
  }
}

/** Where `--watch` shows what it sees. */
interface View {
  show(found: Status): void;
  problem(words: string): void;
  close(): void;
}

function viewFor(isJson: boolean): View {
  if (!isJson) return process.stdout.isTTY ? pictures() : changes();
  let last = "";
  return {
    show(found) {
      const line = jsonLine(found);
      if (line !== last) process.stdout.write(`${line}\n`);
      last = line;
    },
    problem: (words) => void process.stderr.write(`chorus: ${words}\n`),
    close: () => undefined,
  };
}

/** One picture over the other. */
function pictures(): View {
  // The cursor is hidden, and what was on the screen is moved up.
  process.stdout.write(`\u001b[?25l${"\n".repeat(process.stdout.rows || 24)}`);
  let lines: readonly string[] = [];
  function draw(shown: readonly string[]): void {
    const room = (process.stdout.rows || 24) - 1;
    const rest = shown.length - room;
    const fitting = rest > 0 ? [...shown.slice(0, room - 1), `… ${rest + 1} more lines`] : shown;
    process.stdout.write(`\u001b[H${fitting.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
  }
  return {
    show(found) {
      lines = screenOf(found, process.stdout.columns || 80);
      draw(lines);
    },
    problem: (words) => draw([color("red", words), "", ...lines]),
    close: () => void process.stdout.write("\u001b[?25h"),
  };
}

/** A line for everything that is another one than at the last look. */
function changes(): View {
  let known = new Map<string, string>();
  let isFailing = false;
  return {
    show(found) {
      isFailing = false;
      const facts = factsOf(found);
      const lines = facts.filter(({ key, fact }) => known.get(key) !== fact).map(({ line }) => line);
      const keys = new Set(facts.map(({ key }) => key));
      for (const key of known.keys()) if (!keys.has(key)) lines.push(`${key} gone`);
      known = new Map(facts.map(({ key, fact }) => [key, fact]));
      if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    },
    problem(words) {
      if (!isFailing) process.stderr.write(`chorus: ${words}\n`);
      isFailing = true;
    },
    close: () => undefined,
  };
}
