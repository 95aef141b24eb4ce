import type { Cursor } from "../protocol.ts";
import type { Frame } from "./exchange.ts";

/** A message as a client sees it. */
export interface ChatMessage {
  readonly inbox: number;
  readonly stamp: number;
  readonly conversation: string;
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly at: number;
}

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

  constructor(cursor: Cursor | undefined) {
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

  /** The number to acknowledge; undefined when nothing was seen. */
  get seen(): number | undefined {
    return this.#inbox;
  }

  /** A login was answered under this epoch. */
  enter(epoch: string): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#inbox = undefined;
    this.#stamp = undefined;
  }

  /** The server goes on after `inbox`, whatever was seen. */
  resync(epoch: string, inbox: number): void {
    this.#epoch = epoch;
    this.#inbox = inbox;
    this.#stamp = undefined;
  }

  /** Looks at a `message` frame: `new` moves the place; `seen` is to be dropped; `gap` means that something before it is missing. */
  take(message: ChatMessage): "new" | "seen" | "gap" {
    const { inbox, stamp } = message;
    if (this.#inbox !== undefined && inbox <= this.#inbox) return "seen";
    if (this.#inbox !== undefined && inbox > this.#inbox + 1) return "gap";
    this.#inbox = inbox;
    this.#stamp = stamp;
    return "new";
  }
}

/** The message in a frame of the server. */
export function toMessage(frame: Frame): ChatMessage {
  // The server is trusted to follow its protocol; `docs/protocol.md` lists these fields.
  const { type: _, ...message } = frame as unknown as ChatMessage & { type: string };
  return message;
}
