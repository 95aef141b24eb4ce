import process from "node:process";
import { createInterface } from "node:readline";
import { typedLines } from "./client_lines.ts";
import type { Screen } from "./client_screen.ts";
import { unread, writeLine } from "./output.ts";

/** Standard input and output where no person sits before them: plain lines, and those of the program itself on standard error. */
export function openPipe(): Screen {
  const input = createInterface({ input: process.stdin, terminal: false });
  const typed = typedLines(input);
  input.once("SIGINT", () => input.close());
  unread().addEventListener("abort", () => input.close(), { once: true });
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    isInteractive: false,
    isInterrupted: false,
    columns: Number.POSITIVE_INFINITY,
    show: writeLine,
    note: tell,
    problem: tell,
    prompt: () => undefined,
    completeBy: () => undefined,
    ask: async () => undefined,
    lines: () => typed,
    over: typed.over,
    close: () => input.close(),
  };
}
