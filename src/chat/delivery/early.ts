import { readHint } from "../store/mod.ts";

/** Notices that are kept; more of them in so short a time say nothing new. */
const MAX_NOTICES = 64;

/**
 * What comes on a user's channel before the session knows where it stands. Of the entries only the newest is kept: the others are in the
 * store.
 */
export class Early {
  readonly #others: Uint8Array[] = [];
  #entry: { readonly inbox: number; readonly payload?: Uint8Array } = { inbox: 0 };

  add(payload: Uint8Array): void {
    const entry = readHint(payload);
    if (entry) this.#entry = { inbox: entry.inbox, payload };
    else if (this.#others.length < MAX_NOTICES) this.#others.push(payload);
  }

  /** What was kept, without an entry that is not behind `top`: what the state tells of already is no news. */
  payloads(top: number): readonly Uint8Array[] {
    const { inbox, payload } = this.#entry;
    return payload && inbox > top ? [...this.#others, payload] : this.#others;
  }
}
