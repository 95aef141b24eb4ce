import { type EntryHead, readEntryLine } from "./entry_line.ts";

/** An entry of an inbox: its number and its stamp. */
export interface KnownEntry {
  readonly inbox: number;
  readonly stamp: number;
}

/** What a session knows of the history that its inbox has, by which a hint of another history is told. */
export class KnownHistory {
  /** The newest entry when the session began, or began anew. */
  readonly #top: number;
  #newest: KnownEntry;
  #hinted: number;

  /** @param hinted The newest entry that was hinted already. */
  constructor({ top, stamp }: { readonly top: number; readonly stamp: number }, hinted = 0) {
    this.#top = top;
    this.#newest = { inbox: top, stamp };
    this.#hinted = hinted;
  }

  /** The newest entry that is known to be of this history. */
  get newest(): KnownEntry {
    return this.#newest;
  }

  /** The newest entry that was hinted. */
  get hinted(): number {
    return this.#hinted;
  }

  /** Hints of another history follow. */
  forgetHints(): void {
    this.#hinted = 0;
  }

  /** An entry was sent to the client. */
  sent({ inbox, stamp }: EntryHead): void {
    if (inbox >= this.#newest.inbox) this.#newest = { inbox, stamp };
  }

  /**
   * Notes a hint. They come in the order of their entries, each once; and what was there when the session began was hinted before that, but for
   * the little that was still on its way.
   *
   * @param line That of the entry.
   * @returns Whether it may be of another history.
   */
  hint(inbox: number, line: Uint8Array): boolean {
    const isAgain = inbox <= this.#hinted;
    this.#hinted = inbox;
    if (isAgain) return true;
    const { inbox: newest, stamp } = this.#newest;
    if (inbox === newest) return readEntryLine(line)?.stamp !== stamp;
    return inbox <= this.#top;
  }
}
