import type { Cursor } from "../protocol.ts";
import type { Frame } from "./exchange.ts";
import { Recent, type ShownMessage } from "./recent.ts";

/** A message as a client sees it. */
export interface ChatMessage {
  /** Its place in the inbox of the user. */
  readonly inbox: number;
  /** What tells whether the place is still the same one. */
  readonly stamp: number;
  /** The conversation that it is in: a `#group`, or two names joined by `:`. */
  readonly conversation: string;
  /** Its place there. */
  readonly seq: number;
  /** The id that its sender gave it. */
  readonly id: string;
  /** Who sent it. */
  readonly from: string;
  /** To whom: a user or a `#group`. */
  readonly to: string;
  /** What they wrote. */
  readonly text: string;
  /** When the server took it, in milliseconds since 1970. */
  readonly at: number;
}

/** Messages of a conversation that were dropped from its log before they came into the inbox. */
export interface MissingMessages {
  readonly inbox: number;
  readonly stamp: number;
  readonly conversation: string;
  /** The number of the last of them. */
  readonly seq: number;
  readonly missing: number;
}

/** The place of an entry in the inbox. */
type Place = Pick<Cursor, "inbox" | "stamp">;

/** How far a device has got, and in which history; the stamp is unknown where the server has given the place after a `resync`. */
export type Seen = Pick<Cursor, "epoch" | "inbox"> & { readonly stamp: number | undefined };

/**
 * Where a device stands in its user's inbox: tells new messages from those seen before.
 *
 * Pure: what to do about it is the client's business.
 */
export class Reader {
  #epoch = "";
  /** The last entry seen; undefined while the place is known only to the server. */
  #inbox: number | undefined;
  /** Its stamp; undefined where the server gave us the place after a `resync`. */
  #stamp: number | undefined;
  readonly #shown = new Recent();
  /** History went back once, or where it stood is not known: what comes may have been shown before. */
  #mayRepeat: boolean;

  /** @param recent What was shown last by an earlier client of the device. */
  constructor(cursor: Cursor | undefined, recent: readonly ShownMessage[] = []) {
    for (const message of recent) this.#shown.add(message);
    // Without a cursor the server may begin with what was shown.
    this.#mayRepeat = cursor === undefined && recent.length > 0;
    if (!cursor) return;
    this.#epoch = cursor.epoch;
    this.#inbox = cursor.inbox;
    this.#stamp = cursor.stamp;
  }

  /** The place to go on from, for a login. */
  get cursor(): Cursor | undefined {
    if (this.#inbox === undefined || this.#stamp === undefined) return undefined;
    return { epoch: this.#epoch, inbox: this.#inbox, stamp: this.#stamp };
  }

  /** The place to acknowledge; undefined when nothing was seen. */
  get seen(): Seen | undefined {
    return this.#inbox === undefined
      ? undefined
      : { epoch: this.#epoch, inbox: this.#inbox, stamp: this.#stamp };
  }

  /** What was shown last. */
  get recent(): readonly ShownMessage[] {
    return this.#shown.all();
  }

  /** A login was answered under this epoch. */
  enter(epoch: string): void {
    if (epoch === this.#epoch) return;
    // Whoever has no cursor to compare is told of no rollback.
    if (this.#epoch !== "") this.#mayRepeat = true;
    this.#epoch = epoch;
    this.#inbox = undefined;
    this.#stamp = undefined;
  }

  /** The server goes on after `inbox`, whatever was seen. @returns Whether that is in another history than before. */
  resync(epoch: string, inbox: number, reason: "trimmed" | "rollback"): boolean {
    const isOther = epoch !== this.#epoch;
    this.#epoch = epoch;
    this.#inbox = inbox;
    this.#stamp = undefined;
    if (reason === "rollback") this.#mayRepeat = true;
    return isOther;
  }

  /**
   * Looks at a message: `new` and `repeat` move the place, and a `repeat` was shown before the history went back; `seen` is to be
   * dropped; `gap` means that something before it is missing.
   */
  take(message: ChatMessage): "new" | "repeat" | "seen" | "gap" {
    const step = this.pass(message);
    if (step !== "new") return step;
    const isRepeat = this.#mayRepeat && this.#shown.has(message);
    this.#shown.add(message);
    return isRepeat ? "repeat" : "new";
  }

  /** Looks at the place of any entry: like {@linkcode take}, for what is no message. */
  pass({ inbox, stamp }: Place): "new" | "seen" | "gap" {
    if (this.#inbox !== undefined && inbox <= this.#inbox) return "seen";
    if (this.#inbox !== undefined && inbox > this.#inbox + 1) return "gap";
    this.#inbox = inbox;
    this.#stamp = stamp;
    return "new";
  }
}

/** The entry in a `message` frame of the server. */
export function toMessage(frame: Frame): ChatMessage {
  // The server is trusted to follow its protocol; `docs/protocol.md` lists these fields. One by one: to leave out `type` costs more.
  const { inbox, stamp, conversation, seq, id, from, to, text, at } = frame as unknown as ChatMessage;
  return { inbox, stamp, conversation, seq, id, from, to, text, at };
}

/** The entry in a `gap` frame of the server. */
export function toGap(frame: Frame): MissingMessages {
  const { inbox, stamp, conversation, seq, missing } = frame as unknown as MissingMessages;
  return { inbox, stamp, conversation, seq, missing };
}
