/**
 * What a person sees of what a program writes to its terminal.
 *
 * @module
 */

/** The orders of a terminal, each with its numbers and its letter. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals are told begins with escape
const PIECE = /\u001b\[(?<numbers>[?0-9;]*)(?<letter>[A-Za-z])|[\s\S]/gu;

/** A window that draws what is written to it, as xterm does: a line that is full goes on in the next row. */
class DrawnWindow {
  readonly #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  /** Beyond the last column: the next character goes to the next row. */
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  write(text: string): void {
    for (const { 0: piece, groups } of text.matchAll(PIECE)) {
      if (groups?.letter === undefined) this.#put(piece);
      else this.#obey(groups.letter, Number(groups.numbers || 0));
    }
  }

  get lines(): string[] {
    return this.#rows.map((row) =>
      Array.from(row, (found) => found ?? " ")
        .join("")
        .trimEnd(),
    );
  }

  #put(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") this.#down();
    else {
      if (this.#column >= this.#columns) {
        this.#down();
        this.#column = 0;
      }
      this.#current[this.#column] = character;
      this.#column += 1;
    }
  }

  get #current(): string[] {
    const row = this.#rows[this.#row];
    if (!row) throw new Error(`there is no row ${this.#row}`);
    return row;
  }

  #down(): void {
    this.#row += 1;
    if (this.#row === this.#rows.length) this.#rows.push([]);
  }

  #obey(letter: string, number: number): void {
    const count = Math.max(1, number);
    switch (letter) {
      case "A":
        this.#row = Math.max(0, this.#row - count);
        break;
      case "B":
        for (let step = 0; step < count; step++) this.#down();
        break;
      case "C":
        this.#column = Math.min(this.#columns - 1, this.#column + count);
        break;
      case "D":
        this.#column = Math.max(0, Math.min(this.#columns - 1, this.#column) - count);
        break;
      case "G":
        this.#column = count - 1;
        break;
      case "J":
        this.#rows.splice(this.#row + 1);
        this.#current.splice(this.#column);
        break;
      case "K":
        this.#current.splice(number === 2 ? 0 : this.#column);
        break;
      case "m":
        break;
      default:
        throw new Error(`the window does not know ${letter}`);
    }
  }
}

/** The rows that a window of so many columns shows, the oldest first, without what is empty at their ends. */
export function drawn(written: string, columns: number): string[] {
  const window = new DrawnWindow(columns);
  window.write(written);
  return window.lines;
}
