import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { styleText } from "node:util";
import { typedLines } from "./client_lines.ts";

/** What one writes and reads in `chorus client`: lines, wherever they come from and go to. */
export interface Screen {
  /** Whether a person sits before it. */
  readonly isInteractive: boolean;
  /** Shows a line, above the one that is being typed. */
  show(line: string): void;
  /** Shows a line of the program itself. */
  note(line: string): void;
  /** Shows what went wrong. */
  problem(line: string): void;
  /** Sets what stands before the line that is being typed. */
  prompt(text: string): void;
  /** Asks for one line. @param isSecret Whether what is typed stays unseen. Undefined: there is nobody to answer. */
  ask(question: string, isSecret?: boolean): Promise<string | undefined>;
  /** The lines typed since the start that answered no question, until the end of the input or Ctrl-C. To be read once. */
  lines(): AsyncIterable<string>;
  close(): void;
}

/** The terminal, or whatever standard input and output are. */
export function openScreen(): Screen {
  const isInteractive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const terminal = createInterface({
    input: process.stdin,
    ...(isInteractive && { output: process.stdout, historySize: 200 }),
    terminal: isInteractive,
  });
  const typed = typedLines(terminal);
  // While a secret is typed, the stream shows nothing of what readline writes.
  const output = process.stdout.write.bind(process.stdout);
  let isTyping = false;
  let secret: string | undefined;
  terminal.once("SIGINT", () => terminal.close());
  terminal.once("close", () => {
    isTyping = false;
  });

  function write(line: string): void {
    if (!isTyping) {
      output(`${line}\n`);
      return;
    }
    // Over the line that is being typed, which is then drawn again below; of a secret only what was asked.
    output(`\r\u001b[K${line}\n${secret ?? ""}`);
    terminal.prompt(true);
  }
  const colored = (format: "dim" | "red", line: string): string =>
    isInteractive ? styleText(format, line) : line;
  return {
    isInteractive,
    show: write,
    note: (line) => (isInteractive ? write(colored("dim", line)) : process.stderr.write(`${line}\n`)),
    problem: (line) => (isInteractive ? write(colored("red", line)) : process.stderr.write(`${line}\n`)),
    prompt(text) {
      terminal.setPrompt(isInteractive ? text : "");
      if (isTyping) terminal.prompt(true);
    },
    async ask(question, isSecret = false) {
      secret = isSecret ? question : undefined;
      try {
        return await ask(terminal, isInteractive, question, isSecret);
      } finally {
        secret = undefined;
      }
    },
    async *lines() {
      isTyping = isInteractive && !typed.isOver;
      if (isTyping) terminal.prompt();
      for await (const line of typed) {
        yield line;
        if (isTyping) terminal.prompt();
      }
    },
    close: () => terminal.close(),
  };
}

async function ask(
  terminal: Interface,
  isInteractive: boolean,
  question: string,
  isSecret: boolean,
): Promise<string | undefined> {
  if (!isInteractive) return undefined;
  return await new Promise((resolve) => {
    let showTyping: () => void = () => undefined;
    const onClose = (): void => {
      showTyping();
      resolve(undefined);
    };
    terminal.once("close", onClose);
    terminal.question(question, (answer) => {
      terminal.off("close", onClose);
      showTyping();
      if (isSecret) process.stdout.write("\n");
      resolve(answer);
    });
    if (!isSecret) return;
    showTyping = hideTyping();
    // Else the arrow keys would bring it back.
    terminal.once("history", (history) => history.shift());
  });
}

/** Swallows what readline writes while a secret is typed. @returns Ends it. */
function hideTyping(): () => void {
  const original = process.stdout.write;
  process.stdout.write = () => true;
  return () => {
    process.stdout.write = original;
  };
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
