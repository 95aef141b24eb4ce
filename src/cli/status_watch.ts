import process from "node:process";
import { wait } from "../async/mod.ts";
import { StartError } from "./errors.ts";
import { openLiveScreen } from "./live_screen.ts";
import { wordsOf } from "./log.ts";
import { writeLine } from "./output.ts";
import type { Interruption } from "./process.ts";
import { StatusHistory } from "./status_history.ts";
import { factsOf, jsonLine, type Status, screenOf } from "./status_view.ts";
import { color } from "./table.ts";

/** Between two looks, in milliseconds. */
const WATCH_MS = 1000;

/** Options for {@linkcode watchStatus}. */
export interface WatchOptions {
  readonly first: Status;
  /** Looks again. @throws {StartError} When nothing answers. */
  again(): Promise<Status>;
  readonly isJson: boolean;
  readonly interrupted: Interruption;
  /** Nobody reads what is shown any more. */
  readonly nobody: AbortSignal;
}

/** Shows a status until somebody wants it to end: on a terminal a picture a second, else a line for each change. */
export async function watchStatus(options: WatchOptions): Promise<void> {
  const { first, again, isJson, interrupted, nobody } = options;
  const stop = new AbortController();
  void interrupted.asked.then(() => stop.abort());
  const view = viewFor(isJson, () => stop.abort());
  try {
    view.show(first);
    await follow(again, view, AbortSignal.any([stop.signal, nobody]));
  } finally {
    await view.close();
  }
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
  close(): void | Promise<void>;
}

/** @param quit Ends it. */
function viewFor(isJson: boolean, quit: () => void): View {
  if (!isJson) return isScreen() ? pictures(quit) : changes();
  let last = "";
  return {
    show(found) {
      const line = jsonLine(found);
      if (line !== last) writeLine(line);
      last = line;
    },
    problem: (words) => void process.stderr.write(`chorus: ${words}\n`),
    close: () => undefined,
  };
}

/** Whether what is shown can be drawn over. */
function isScreen(): boolean {
  return process.stdout.isTTY && process.env.TERM !== "dumb";
}

/** A picture that fills the window. */
function pictures(quit: () => void): View {
  const history = new StatusHistory();
  let found: Status | undefined;
  let problem = "";
  const screen = openLiveScreen({
    quit,
    lines(columns) {
      const shown = found ? screenOf(found, columns, history) : [];
      return problem === "" ? shown : [color("red", problem), "", ...shown];
    },
  });
  return {
    show(next) {
      found = next;
      problem = "";
      history.look(next.pools, performance.now());
      screen.draw();
    },
    problem(words) {
      problem = words;
      screen.draw();
    },
    close: () => screen.close(),
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
      if (lines.length > 0) writeLine(lines.join("\n"));
    },
    problem(words) {
      if (!isFailing) process.stderr.write(`chorus: ${words}\n`);
      isFailing = true;
    },
    close: () => undefined,
  };
}
