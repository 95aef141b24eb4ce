import type { Completion } from "./client_completion.ts";

/** What one writes and reads in `chorus client`: lines, wherever they come from and go to. */
export interface Screen {
  /** Whether a person sits before it. */
  readonly isInteractive: boolean;
  /** Whether Ctrl-C has ended its input. */
  readonly isInterrupted: boolean;
  /** How many characters fit beside each other; infinitely many where there is no window. */
  readonly columns: number;
  /** Shows a line, above the one that is being typed. */
  show(line: string): void;
  /** Shows a line of the program itself. */
  note(line: string): void;
  /** Shows what went wrong. */
  problem(line: string): void;
  /** Sets what stands before the line that is being typed, for a window of so many columns. */
  prompt(text: (columns: number) => string): void;
  /** Sets what Tab makes of the line up to the cursor. */
  completeBy(complete: (line: string) => Completion): void;
  /** Asks for one line. @param isSecret Whether what is typed stays unseen. Undefined: there is nobody to answer. */
  ask(question: string, isSecret?: boolean): Promise<string | undefined>;
  /** The lines typed since the start that answered no question, until the end of the input or Ctrl-C. To be read once. */
  lines(): AsyncIterable<string>;
  /** Resolves at the end of the input; lines may still wait. */
  readonly over: Promise<void>;
  close(): void;
}

/** A text of somebody else's as a terminal may show it: control characters, which could move the cursor, as pictures of them. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const pictured = text.replaceAll(/[\u0000-\u0009\u000b-\u001f]/g, (found) =>
    String.fromCharCode(0x24_00 + found.charCodeAt(0)),
  );
  return pictured
    .replaceAll(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
    .replaceAll("\n", "\n    ");
}
