import process from "node:process";
import { styleText } from "node:util";

/** How a cell is colored, where the terminal has colors and `NO_COLOR` is not set. */
export type Color = "green" | "yellow" | "red" | "cyan" | "dim" | "bold";

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** Where there is no room, the column of the highest rank goes first; one of rank 0 stays. */
  readonly rank: number;
  /** Numbers stand at the right. @default {false} */
  readonly isNumber?: boolean;
  cell(row: Row): string;
  color?(row: Row): Color | undefined;
}

/**
 * Sets rows in columns that fit into `width`: first columns are left out, then the widest that is left is cut.
 *
 * A column without a single text is left out, too.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): string[] {
  const cells = columns
    .map((column) => ({ column, texts: rows.map((row) => column.cell(row)) }))
    .filter(({ texts }) => texts.some((text) => text !== ""));
  const sized = cells.map(({ column, texts }) => ({
    column,
    texts,
    size: texts.reduce((most, { length }) => Math.max(most, length), column.title.length),
  }));
  const fitting = squeeze(sized, width);
  const last = fitting.at(-1);
  // Nothing follows the last column: it needs no filling up.
  const set = (one: Sized<Row>, text: string): string =>
    pad(cut(text, one.size), one === last && !one.column.isNumber ? 0 : one.size, one.column.isNumber);
  const head = fitting.map((one) => color("dim", set(one, one.column.title)));
  const lines = rows.map((row, index) =>
    fitting.map((one) => {
      const { column, texts } = one;
      const text = set(one, texts[index] ?? "");
      const found = column.color?.(row);
      return found ? color(found, text) : text;
    }),
  );
  return [head, ...lines].map((line) => line.join("  "));
}

/** Colors a text where standard output shows colors. */
export function color(format: Color, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/** Cuts a text that is too long for `width`, and shows that. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Colors, and the characters between them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colors begin with escape.
const PIECES = /\u001b\[[0-9;]*m|[^\u001b]/gu;

/** Cuts a line, which may be colored, to `width` characters. */
export function cutColored(line: string, width: number): string {
  let room = width;
  const kept: string[] = [];
  for (const [piece] of line.matchAll(PIECES)) {
    const isColor = piece.length > 1 && piece.startsWith("\u001b");
    // The colors of what was cut are kept: the last one ends them.
    if (isColor || room > 0) kept.push(piece);
    if (!isColor) room -= 1;
  }
  return kept.join("");
}

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly texts: readonly string[];
  readonly size: number;
}

function squeeze<Row>(columns: readonly Sized<Row>[], width: number): readonly Sized<Row>[] {
  const needed = columns.reduce((sum, { size }) => sum + size + 2, -2);
  if (needed <= width) return columns;
  const least = Math.max(...columns.map(({ column }) => column.rank));
  if (least > 0) {
    const dropped = columns.findLastIndex(({ column }) => column.rank === least);
    return squeeze(columns.toSpliced(dropped, 1), width);
  }
  const widest = Math.max(...columns.map(({ size }) => size));
  const room = Math.max(8, widest - (needed - width));
  return columns.map((column) => (column.size === widest ? { ...column, size: room } : column));
}

function pad(text: string, size: number, isNumber = false): string {
  return isNumber ? text.padStart(size) : text.padEnd(size);
}
