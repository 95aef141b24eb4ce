import { Buffer } from "node:buffer";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { StoreError } from "../contract.ts";
import { makeFile, syncFile } from "./database.ts";
import type { Seed } from "./stamps.ts";
import type { Trimmed } from "./trimming.ts";
import type { WriteOp } from "./write.ts";

/** Writes that were carried out together, with all that it takes to carry them out again and get the same. */
export interface Batch {
  /** Each batch has the next one. */
  readonly number: number;
  /** Wall time in milliseconds. */
  readonly now: number;
  readonly seed: Seed;
  readonly ops: readonly WriteOp[];
  /** What was dropped after them, of what was acknowledged: which of it depends on what the writer remembers. */
  readonly trimmed: readonly Trimmed[];
}

/** A batch as its record has it. */
interface Noted extends Batch {
  /** Whether the disk had all before it, in the tables or in the journal. */
  readonly isSynced: boolean;
}

/** Where the journal of a data folder is. */
export function journalPath(dir: string): string {
  return join(dir, "journal");
}

/** Before each batch: the bytes of its JSON, and their checksum, both as unsigned 32-bit numbers, the lower byte first. */
const HEAD_BYTES = 8;

/**
 * The batches that were answered and that the database has not committed yet.
 *
 * One write at the end of a file, and one sync of it, make a batch safe, whatever tables and pages it touches. The database commits many of them
 * at once, and says which was the last one; then the file is written from its beginning again. What lies behind the newest batch is told from
 * it by its number, which does not follow.
 */
export class Journal {
  readonly #file: number;
  readonly #path: string;
  readonly #isSynced: boolean;
  #end = 0;

  private constructor(file: number, path: string, isSynced: boolean) {
    this.#file = file;
    this.#path = path;
    this.#isSynced = isSynced;
  }

  /**
   * Opens the journal of a locked data folder, and makes it if there is none.
   *
   * @param durable With `disk` a batch waits for the disk.
   * @throws What the file system does.
   */
  static open(dir: string, durable: "memory" | "disk"): Journal {
    const path = journalPath(dir);
    if (!existsSync(path)) {
      makeFile(path);
      // A new file is only safe once the folder that names it is.
      syncFile(dir, "r");
    }
    return new Journal(openSync(path, "r+"), path, durable === "disk");
  }

  /** Bytes of what it holds. */
  get bytes(): number {
    return this.#end;
  }

  /** Adds a batch at the end. @throws What the file system does: then the batch may or may not be found at the next start, and the next one takes its place. */
  append(batch: Batch): void {
    const json = JSON.stringify({ ...batch, isSynced: this.#isSynced } satisfies Noted);
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(json));
    bytes.write(json, HEAD_BYTES);
    bytes.writeUInt32LE(bytes.length - HEAD_BYTES, 0);
    bytes.writeUInt32LE(crc32(bytes.subarray(HEAD_BYTES)), 4);
    let written = 0;
    while (written < bytes.length)
      written += writeSync(this.#file, bytes, written, bytes.length - written, this.#end + written);
    if (this.#isSynced) fdatasyncSync(this.#file);
    this.#end += bytes.length;
  }

  /**
   * The batches after number `applied`, in order; what was cut off in the middle ends them. To be read to the end: the next batch is added there.
   *
   * @param last The number of the last one there may be, where that is known.
   * @throws {StoreError} `damaged` when the first of them is not the next one. Where batches do not wait for the disk that is what a loss of power may leave; it is dropped.
   */
  *read(applied: number, last: number = Number.MAX_SAFE_INTEGER): Generator<Batch> {
    this.#end = 0;
    let next: number | undefined;
    for (let record = this.#readAt(0); record; record = this.#readAt(this.#end)) {
      const { batch, bytes } = record;
      if (batch.number > last || batch.number !== (next ?? batch.number)) return;
      if (next === undefined && !this.#goesOn(batch, applied)) return;
      next = batch.number + 1;
      this.#end += bytes;
      if (batch.number > applied) yield batch;
    }
  }

  /** Forgets all that it holds: the database has it. */
  rewind(): void {
    this.#end = 0;
  }

  /** Gives its room back: the database has all that it holds and is to have. @throws What the file system does. */
  clear(): void {
    this.#end = 0;
    if (fstatSync(this.#file).size > 0) ftruncateSync(this.#file, 0);
  }

  /** Closes the file, and leaves it as it is. */
  close(): void {
    closeSync(this.#file);
  }

  /** Whether the first batch goes with a database that has those up to `applied`. */
  #goesOn({ number, isSynced }: Noted, applied: number): boolean {
    if (number <= applied + 1) return true;
    if (isSynced) throw exchanged(this.#path, number, applied);
    return false;
  }

  #readAt(start: number): { readonly batch: Noted; readonly bytes: number } | undefined {
    const head = Buffer.alloc(HEAD_BYTES);
    if (!this.#fill(head, start)) return undefined;
    const length = head.readUInt32LE(0);
    if (length === 0 || start + HEAD_BYTES + length > fstatSync(this.#file).size) return undefined;
    const json = Buffer.alloc(length);
    if (!this.#fill(json, start + HEAD_BYTES) || crc32(json) !== head.readUInt32LE(4)) return undefined;
    // Only append writes here, and the checksum says that this is what it wrote.
    return { batch: JSON.parse(json.toString()) as Noted, bytes: HEAD_BYTES + length };
  }

  /** @returns Whether there was enough. */
  #fill(bytes: Buffer, start: number): boolean {
    let read = 0;
    while (read < bytes.length) {
      const more = readSync(this.#file, bytes, read, bytes.length - read, start + read);
      if (more === 0) return false;
      read += more;
    }
    return true;
  }
}

function exchanged(path: string, first: number, applied: number): StoreError {
  const reason = `it goes on with batch ${first}, but the database has those up to ${applied} only: one of the two files is from another time`;
  return new StoreError(
    "damaged",
    `Cannot read journal "${path}": ${reason}. Put the right database back, or remove the journal to go on without what it holds`,
  );
}
