import { CLIENT_COMMANDS } from "./client_commands.ts";
import type { Operand } from "./client_completion.ts";

/** What can be typed, and what it does. */
const HELP: readonly (readonly string[])[] = [
  ["@NAME TEXT", "send TEXT to NAME, and go on talking to them"],
  ["#GROUP TEXT", "send TEXT to a group, and go on talking there"],
  ["TEXT", "send TEXT to whom you talk to"],
  ["/to NAME", "talk to NAME from now on, or to a #GROUP"],
  ["/history [NAME] [COUNT]", "show the last messages with NAME, or with whom you talk to"],
  ["/older [COUNT]", "show what was before those"],
  ...Object.entries(CLIENT_COMMANDS).map(([name, { operands, help }]) => [`${name} ${operands}`, help]),
  ["/help", "show this"],
  ["/quit", "end (Ctrl-D and Ctrl-C do, too)"],
];

/** What the words after each command name, for Tab. */
export const COMPLETED_COMMANDS: ReadonlyMap<string, readonly Operand[]> = new Map([
  ["/to", ["peer"]],
  ["/history", ["peer"]],
  ["/older", []],
  ["/help", []],
  ["/quit", []],
  ...Object.entries(CLIENT_COMMANDS).map(([name, { completes = [] }]) => [name, completes] as const),
]);

/** The columns that the words of a line of help take where there are enough. */
const WORDS_COLUMNS = 25;
/** In a narrower window the help stands below the words. */
const NARROW_COLUMNS = 80;

/** The lines that `/help` shows in a window of so many columns. */
export function helpLines(columns: number): readonly string[] {
  return HELP.map(([words = "", help = ""]) =>
    columns < NARROW_COLUMNS ? `${words.trim()}\n  ${help}` : `${words.padEnd(WORDS_COLUMNS)}${help}`,
  );
}
