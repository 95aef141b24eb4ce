import { inboxOfLine } from "../store/mod.ts";

/** Notices that are kept; more of them in so short a time say nothing new. */
const MAX_NOTICES = 64;

/**
 * What comes on a user's channel before the session knows where it stands. Of the entries only the newest is kept: the others are in the
 * store.
 */
export class Early {
  readonly #others: Uint8Array[] = [];
  #entry: Uint8Array | undefined;

  add(payload: Uint8Array): void {
    if (inboxOfLine(payload) !== undefined) this.#entry = payload;
    else if (this.#others.length < MAX_NOTICES) this.#others.push(payload);
  }

  /** What was kept. */
  payloads(): readonly Uint8Array[] {
    return this.#entry ? [...this.#others, this.#entry] : this.#others;
  }
}
