import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { styleText } from "node:util";
import type { Completion } from "./client_completion.ts";
import { type TypedLines, typedLines } from "./client_lines.ts";
import type { Screen } from "./client_screen.ts";

/** Typed lines that the arrow keys bring back. */
const MAX_HISTORY = 200;
/** The size of a window that does not tell its own. */
const COLUMNS = 80;

/** Whose turn it is. */
type Phase =
  /** No line is expected yet. */
  | { readonly name: "silent" }
  /** A line is being typed after the prompt. */
  | { readonly name: "typing" }
  /** A line is being worked on; what is typed meanwhile is drawn again with the next prompt. */
  | { readonly name: "taken" }
  | { readonly name: "asking"; readonly question: string; readonly isSecret: boolean }
  | { readonly name: "closed" };

/** The terminal, with a person before it. */
export function openTerminal(): Screen {
  return new Terminal();
}

/** Shows lines above the one that is being typed, however many rows of the window that one takes. */
class Terminal implements Screen {
  readonly isInteractive = true;
  readonly #lines: Interface;
  readonly #typed: TypedLines;
  /** While a secret is typed, the stream shows nothing of what readline writes. */
  readonly #output: (text: string) => void = process.stdout.write.bind(process.stdout);
  /** Whether it can neither move its cursor nor show colors. */
  readonly #isDumb = process.env.TERM === "dumb";
  #isInterrupted = false;
  #phase: Phase = { name: "silent" };
  #promptFor: (columns: number) => string = () => "";
  #complete: (line: string) => Completion = (line) => [[], line];
  /** The prompt as it was drawn last. */
  #drawn = "";

  constructor() {
    this.#lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      historySize: MAX_HISTORY,
      removeHistoryDuplicates: true,
      // Without one it would insert tabs; answers to questions are no names.
      completer: (line: string) => (this.#phase.name === "asking" ? [[], line] : this.#complete(line)),
    });
    this.#typed = typedLines(this.#lines);
    const resize = (): void => this.#redraw();
    process.stdout.on("resize", resize);
    this.#lines.once("SIGINT", () => {
      this.#isInterrupted = true;
      this.#lines.close();
    });
    this.#lines.once("close", () => {
      process.stdout.off("resize", resize);
      if (this.#phase.name === "typing") this.#output("\n");
      this.#phase = { name: "closed" };
    });
    // Else the arrow keys would bring answers back, and passwords with them.
    this.#lines.on("history", (history: string[]) => {
      if (this.#phase.name === "asking") history.shift();
    });
  }

  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  get over(): Promise<void> {
    return this.#typed.over;
  }

  get columns(): number {
    return process.stdout.columns || COLUMNS;
  }

  show(line: string): void {
    switch (this.#phase.name) {
      case "silent":
      case "closed":
        this.#output(`${line}\n`);
        break;
      case "taken":
        this.#output(this.#isDumb ? `${line}\n` : `\r\u001b[J${line}\n`);
        break;
      case "typing":
      case "asking":
        this.#output(this.#isDumb ? `\n${line}\n` : `${this.#toFirstRow()}\u001b[J${line}\n`);
        this.#draw(0);
        break;
    }
  }

  note(line: string): void {
    this.show(this.#colored("dim", line));
  }

  problem(line: string): void {
    this.show(this.#colored("red", line));
  }

  prompt(text: (columns: number) => string): void {
    this.#promptFor = text;
    if (text(this.columns) !== this.#drawn) this.#redraw();
  }

  completeBy(complete: (line: string) => Completion): void {
    this.#complete = complete;
  }

  async ask(question: string, isSecret = false): Promise<string | undefined> {
    const before = this.#phase;
    if (before.name === "closed") return undefined;
    this.#phase = { name: "asking", question, isSecret };
    const answer = await ask(this.#lines, question, isSecret);
    if (this.#phase.name === "asking") this.#phase = before;
    return answer;
  }

  async *lines(): AsyncIterable<string> {
    this.#goOn();
    for await (const line of this.#typed) {
      if (this.#phase.name !== "closed") this.#phase = { name: "taken" };
      yield line;
      this.#goOn();
    }
  }

  close(): void {
    this.#lines.close();
  }

  /** The next line is expected. */
  #goOn(): void {
    if (this.#phase.name === "closed" || this.#typed.isOver) return;
    this.#phase = { name: "typing" };
    this.#draw(0);
  }

  #redraw(): void {
    if (this.#phase.name !== "typing") return;
    if (this.#isDumb) this.#output("\n");
    this.#draw(this.#row());
  }

  /** Draws the line that is being typed, with what stands before it. @param row In which of its rows the cursor is now. */
  #draw(row: number): void {
    const { question, isSecret } =
      this.#phase.name === "asking" ? this.#phase : { question: undefined, isSecret: false };
    if (question === undefined) {
      this.#drawn = this.#promptFor(this.columns);
      this.#lines.setPrompt(this.#drawn);
    }
    if (isSecret) this.#output(question ?? "");
    else if (this.#isDumb) this.#output(`${question ?? this.#drawn}${this.#lines.line}`);
    else {
      // Not documented, and alike on the three: readline goes up by as many rows first. It does not know of lines of ours.
      Object.assign(this.#lines, { prevRows: row });
      this.#lines.prompt(true);
    }
  }

  /** In which row the cursor is, counted from the one where the prompt begins. */
  #row(): number {
    if (this.#phase.name === "asking" && this.#phase.isSecret)
      return Math.floor(this.#phase.question.length / this.columns);
    return this.#lines.getCursorPos().rows;
  }

  #toFirstRow(): string {
    const row = this.#row();
    return row > 0 ? `\u001b[${row}A\r` : "\r";
  }

  #colored(format: "dim" | "red", line: string): string {
    return this.#isDumb ? line : styleText(format, line, { stream: process.stdout });
  }
}

/** @returns Undefined when the input ends before the answer. */
function ask(terminal: Interface, question: string, isSecret: boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
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
    if (isSecret) showTyping = hideTyping();
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
