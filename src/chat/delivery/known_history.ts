import type { DeviceState, InboxHint } from "../store/mod.ts";

/** What a session starts with. */
type Beginning = Pick<DeviceState, "epoch" | "top" | "stamp">;

/** An entry of an inbox: its number and its stamp. */
export interface KnownEntry {
  readonly inbox: number;
  readonly stamp: number;
}

/** What a session knows of the history that its inbox has, by which a hint of another history is told that comes under an old number. */
export class KnownHistory {
  #newest: KnownEntry;
  /** The newest entry when the session began, or began anew. */
  #top: number;
  #epoch: string;
  #hinted = 0;

  constructor({ epoch, top, stamp }: Beginning) {
    this.#epoch = epoch;
    this.#newest = { inbox: top, stamp };
    this.#top = top;
  }

  /** The session begins anew with the inbox in this state; what was hinted meanwhile is still known. */
  begin({ epoch, top, stamp }: Beginning): void {
    this.#epoch = epoch;
    this.#newest = { inbox: top, stamp };
    this.#top = top;
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

  /** An entry was sent to the client. @returns Whether it is of another history. */
  sent({ inbox, stamp }: KnownEntry): boolean {
    const { inbox: newest, stamp: known } = this.#newest;
    if (inbox > newest) this.#newest = { inbox, stamp };
    return inbox === newest && stamp !== known;
  }

  /**
   * Notes a hint. They come in the order of their entries, each once; and what was there when the session began was hinted before that, but for
   * the little that was still on its way.
   *
   * @returns Whether it may be of another history.
   */
  hint({ inbox, stamp, epoch }: Pick<InboxHint, "inbox" | "stamp" | "epoch">): boolean {
    const isAgain = inbox <= this.#hinted;
    this.#hinted = inbox;
    if (isAgain || (epoch !== undefined && epoch !== this.#epoch)) return true;
    if (inbox === this.#newest.inbox) return stamp !== this.#newest.stamp;
    return inbox <= this.#top;
  }
}
