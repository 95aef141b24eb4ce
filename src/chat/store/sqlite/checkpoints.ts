import { statfsSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { startThread, type Thread } from "../../../server/mod.ts";
import { toStoreError } from "./error.ts";
import { numberIn } from "./row.ts";

/** Options for {@linkcode Checkpoints}. */
export interface CheckpointOptions {
  /** The writer's connection to the database. */
  readonly database: DatabaseSync;
  /** Where the database is. */
  readonly path: string;
  /** Pages of 4 KiB in the WAL with which a checkpoint begins. @default {12_000} */
  readonly pages?: number;
  /** How many bytes more the disk takes. @default {what the system says of it} */
  readonly room?: () => number;
  /** Told why a checkpoint failed. Nothing is lost: the WAL stays, and the next commit tries again. */
  onError(error: Error): void;
}

/** Pages in the WAL with which a checkpoint begins: pages that change often are then written once for many commits. */
const PAGES = 12_000;
/** Of them the writer brings as many by itself, which takes some 10 ms for each 2,000. */
const OWN_SHARE = 1 / 4;
/** Pages that are not in the database with which a checkpoint begins where the disk has little room, and so the database may have none later. */
const TIGHT_PAGES = 1000;
const PAGE_BYTES = 4096;

const THREAD = new URL("./checkpoint_thread.ts", import.meta.url).href;

/** What the writer and its thread send each other: the database's path, and why it failed, or nothing. */
export const CHECKPOINT = "checkpoint";
/** Asks the thread to close its connection, and says that it has. */
export const CLOSE = "close";

/**
 * Brings what is committed from the WAL into the database, where a thread does most of it while the writer goes on.
 *
 * The WAL begins anew only with a transaction that finds all of it in the database. The thread alone never gets there while there are commits; so what they have
 * added meanwhile, which is little, is brought by the writer itself after a commit, before its next transaction. A thread that ended by itself is not started again:
 * then SQLite makes the writer checkpoint, at `wal_autocheckpoint` pages.
 *
 * A WAL that has filled the disk could not be brought any more, since the database grows by it: nothing could be written again, nor started. So it is brought
 * sooner where the disk takes less than twice as much as it has.
 */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #pages: number;
  readonly #room: () => number;
  readonly #look: StatementSync;
  readonly #bring: StatementSync;
  #thread: Thread | undefined;
  #state: "idle" | "at work" | "over" = "idle";

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#pages = options.pages ?? PAGES;
    this.#room = options.room ?? (() => roomFor(options.path));
    // A SQLite before 3.51 knows no NOOP, and brings all there is.
    this.#look = options.database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#bring = options.database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** To be called after each commit, before the next transaction. */
  committed(): void {
    try {
      const { pages, left } = placeIn(this.#look);
      const isTight = left >= TIGHT_PAGES && this.#room() < 2 * pages * PAGE_BYTES;
      if (pages < this.#pages && !isTight) return;
      // The thread's word that it is done may come later than what it has done.
      if (left <= this.#pages * OWN_SHARE) this.#bring.get();
      else if (this.#state === "idle") this.#askThread();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** Ends the thread: none is begun any more. Never rejects. */
  async close(): Promise<void> {
    this.#state = "over";
    if (!this.#thread) return;
    const { channel, exited, kill } = this.#thread;
    const closed = new Promise<void>((resolve) => channel.on(CLOSE, () => resolve()));
    channel.send(CLOSE, undefined);
    await Promise.race([closed, exited]);
    kill("SIGKILL");
    await exited;
  }

  #askThread(): void {
    this.#state = "at work";
    this.#thread ??= this.#startThread();
    this.#thread.channel.send(CHECKPOINT, this.#options.path);
  }

  #startThread(): Thread {
    const thread = startThread(THREAD);
    thread.channel.on(CHECKPOINT, (reason) => {
      if (this.#state === "at work") this.#state = "idle";
      if (reason !== undefined) this.#fail(reason);
    });
    void thread.exited.then((end) => {
      if (this.#state === "over") return;
      this.#state = "over";
      this.#fail("error" in end ? end.error : "its thread has ended");
    });
    return thread;
  }

  #fail(cause: unknown): void {
    this.#options.onError(toStoreError(cause, `checkpoint database "${this.#options.path}"`));
  }
}

/** How many bytes more the disk takes on which a file is; what cannot be told holds up nothing. */
function roomFor(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** How many pages the WAL has, and how many of them are not in the database. */
function placeIn(look: StatementSync): { readonly pages: number; readonly left: number } {
  const row = { ...look.get() };
  const pages = numberIn(row, "log");
  return { pages, left: pages - numberIn(row, "checkpointed") };
}
