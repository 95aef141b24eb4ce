import { writeSync } from "node:fs";
import process from "node:process";
import { color, cutColored } from "./table.ts";

/** Another screen, without a cursor, on which long lines do not wrap; and back. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[H\u001b[2J";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";

/** The window, where it does not say how large it is. */
const [COLUMNS, ROWS] = [80, 24];

/** How the lines that do not fit are moved by a key: `one` line, a `page` of them, or all. */
type Move = (top: number, page: number) => number;

const QUIT = new Set(["q", "Q", "\u0003", "\u0004"]);
const MOVES: Readonly<Record<string, Move>> = {
  "\u001b[A": (top) => top - 1,
  k: (top) => top - 1,
  "\u001b[B": (top) => top + 1,
  j: (top) => top + 1,
  "\u001b[5~": (top, page) => top - page,
  "\u001b[6~": (top, page) => top + page,
  " ": (top, page) => top + page,
  "\u001b[H": () => 0,
  g: () => 0,
  "\u001b[F": () => Number.MAX_SAFE_INTEGER,
  G: () => Number.MAX_SAFE_INTEGER,
};

/** A key as a terminal sends it: a sequence that begins with escape, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what keys are.
const KEY = /\u001b\[[0-9;]*[A-Za-z~]|[\s\S]/gu;

/** Options for {@linkcode openLiveScreen}. */
export interface LiveScreenOptions {
  /** What to show in a window of so many columns; the first line stays where it is when the others are moved. */
  lines(columns: number): readonly string[];
  /** Somebody wants it to end, by a key. */
  quit(): void;
}

/** A picture that fills the terminal. */
export interface LiveScreen {
  /** Draws anew. */
  draw(): void;
  /** Gives the terminal back as it was. Idempotent. */
  close(): Promise<void>;
}

/**
 * Takes the terminal over: what was on it comes back at the end, whichever way the process ends, but by a signal that cannot be caught.
 *
 * The picture is drawn anew when the window gets another size. Where standard input is a terminal, too, keys move what does not fit
 * (arrows, page up and down, home and end, `j`, `k`, `g`, `G`, space) and end it (`q`, Ctrl-C, Ctrl-D).
 */
export function openLiveScreen({ lines, quit }: LiveScreenOptions): LiveScreen {
  const { stdin, stdout } = process;
  let top = 0;
  let isOpen = true;

  function draw(): void {
    // A reader that is behind is not given more to read.
    if (!isOpen || stdout.writableNeedDrain) return;
    const { columns, rows } = sizeOf(stdout);
    const all = lines(columns);
    top = Math.min(Math.max(0, top), Math.max(0, all.length - pageOf(rows) - 1));
    stdout.write(pictureOf(all, top, columns, rows));
  }
  function typed(keys: Uint8Array | string): void {
    for (const [key] of String(keys).matchAll(KEY)) {
      if (QUIT.has(key)) quit();
      top = MOVES[key]?.(top, pageOf(sizeOf(stdout).rows)) ?? top;
    }
    draw();
  }
  // At the very end nothing waits any more, so that it is written at once.
  function leaveAtOnce(): void {
    if (!isOpen) return;
    isOpen = false;
    restoreInput();
    try {
      writeSync(stdout.fd, LEAVE);
    } catch {
      // The terminal is gone, and needs nothing.
    }
  }
  function restoreInput(): void {
    if (!stdin.isTTY) return;
    stdin.off("data", typed);
    stdin.setRawMode(false);
    stdin.pause();
  }
  process.on("exit", leaveAtOnce);
  // What is said of a failure within is to be read afterwards.
  process.prependListener("unhandledRejection", leaveAtOnce);
  process.on("uncaughtExceptionMonitor", leaveAtOnce);
  stdout.on("resize", draw);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on("data", typed);
  }
  stdout.write(ENTER);
  return {
    draw,
    async close() {
      if (!isOpen) return;
      isOpen = false;
      stdout.off("resize", draw);
      process.off("exit", leaveAtOnce);
      process.off("unhandledRejection", leaveAtOnce);
      process.off("uncaughtExceptionMonitor", leaveAtOnce);
      restoreInput();
      // After whatever is still on its way.
      await new Promise<void>((resolve) => stdout.write(LEAVE, () => resolve()));
    },
  };
}

/** The lines that are moved: all but the first, and the last, which says what keys do. */
function pageOf(rows: number): number {
  return Math.max(1, rows - 2);
}

function sizeOf({ columns, rows }: NodeJS.WriteStream): { columns: number; rows: number } {
  return { columns: columns || COLUMNS, rows: rows || ROWS };
}

/** One picture over the one before. */
function pictureOf(
  [first = "", ...rest]: readonly string[],
  top: number,
  columns: number,
  rows: number,
): string {
  const page = pageOf(rows);
  const last = Math.min(rest.length, top + page);
  const hidden = rest.length > page ? `, arrows move: lines ${top + 1} to ${last} of ${rest.length}` : "";
  const shown = [first, ...rest.slice(top, last), color("dim", `q quits${hidden}`)];
  // In a window of one or two lines there is room for the first ones alone.
  const fitting = shown.slice(0, rows).map((line) => `${cutColored(line, columns)}\u001b[K`);
  return `\u001b[H${fitting.join("\r\n")}\u001b[J`;
}
