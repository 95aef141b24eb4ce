import { Buffer } from "node:buffer";
import { bufferOf } from "../../../wire/mod.ts";
import { StoreError } from "../contract.ts";

/** A row as `node:sqlite` gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** The number in a column. @throws {StoreError} `damaged` when something else is there. */
export function numberIn(row: Row, column: string): number {
  const value = row[column];
  return typeof value === "number" ? value : damaged(column, "a number", value);
}

/** The text in a column. @throws {StoreError} `damaged` when something else is there. */
export function textIn(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : damaged(column, "text", value);
}

/** The bytes in a column. @throws {StoreError} `damaged` when something else is there. */
export function bytesIn(row: Row, column: string): Uint8Array {
  const value = row[column];
  return value instanceof Uint8Array ? value : damaged(column, "bytes", value);
}

/** What people typed, as the tables keep it. */
export function encodeJson(text: string): Uint8Array {
  return Buffer.from(JSON.stringify(text));
}

/** What {@linkcode encodeJson} encoded. @throws When it is no JSON. */
export function decodeJson(bytes: Uint8Array): string {
  return String(JSON.parse(bufferOf(bytes).toString()));
}

function damaged(column: string, wanted: string, value: unknown): never {
  throw new StoreError(
    "damaged",
    `Cannot read database: ${column} must be ${wanted}, received ${typeof value}`,
  );
}
