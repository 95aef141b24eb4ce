import type { LogWindow, WindowEntry } from "./inbox_writer.ts";

/** A message that was appended here and is to be delivered. */
export interface Appended {
  readonly conversation: string;
  readonly seq: number;
  /** The stamp of the message before it; 0 when there is none. */
  readonly before: string;
  readonly stamp: string;
  readonly from: string;
  readonly tail: string;
  /** That of the group when it was appended. */
  readonly version: number;
}

/** Messages that are delivered together, and the version of the group when the last of them was appended. */
export interface VersionedWindow extends LogWindow {
  readonly version: number;
}

interface OpenWindow extends VersionedWindow {
  readonly entries: WindowEntry[];
  version: number;
  characters: number;
}

/** Messages that are delivered together. */
const WINDOW_ENTRIES = 64;
const WINDOW_CHARACTERS = 256 * 1024;
/** Windows of one conversation that may wait; beyond that they are read from the log. */
export const MAX_WINDOWS = 64;

/**
 * The messages of one conversation that wait to be delivered, in windows. When there is no room for another window, those that wait are
 * dropped: whoever delivers what comes after them finds inboxes behind, and reads the log.
 */
export class WaitingWindows {
  readonly #windows: OpenWindow[] = [];
  #isWhole = true;

  /** Whether nothing was dropped. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get size(): number {
    return this.#windows.length;
  }

  /** Puts a message at the end of the last window, or into a new one where there is no room or something between. */
  add({ seq, before, stamp, from, tail, version }: Appended): void {
    const value = `"stamp":${stamp},"seq":${seq},${tail}`;
    const entry: WindowEntry = { last: seq, stamp, from, kind: "m", value };
    const last = this.#windows.at(-1);
    const isNext = last?.entries.at(-1)?.last === seq - 1;
    const hasRoom = last && last.entries.length < WINDOW_ENTRIES && last.characters < WINDOW_CHARACTERS;
    if (last && isNext && hasRoom) {
      last.entries.push(entry);
      last.version = version;
      last.characters += value.length;
      return;
    }
    if (this.#windows.length >= MAX_WINDOWS) {
      this.#windows.length = 0;
      this.#isWhole = false;
    }
    const characters = value.length;
    this.#windows.push({ before: seq - 1, beforeStamp: before, entries: [entry], version, characters });
  }

  /** The next window, which no longer waits. */
  take(): VersionedWindow | undefined {
    return this.#windows.shift();
  }
}
