import type { Reached } from "../store/mod.ts";
import type { EntryHead } from "./entry_line.ts";

/** Entries that are remembered until they are acknowledged; beyond it, only the newest of each conversation. */
const MAX_ENTRIES = 256;

interface Sent {
  readonly inbox: number;
  readonly conversation: string;
  readonly seq: number;
}

/**
 * What one session was sent and has not acknowledged: from it, an acknowledgement of the inbox becomes how far each conversation has
 * been delivered.
 *
 * Holds a bounded number of entries. Where a client lags behind that, an acknowledgement may say less of some conversation than could be
 * said; a later one makes up for it.
 */
export class Unacknowledged {
  readonly #user: string;
  #sent: Sent[] = [];

  constructor(user: string) {
    this.#user = user;
  }

  /** Notes an entry that was sent. What the user has sent themselves needs no receipt, nor does what is lost. */
  add(inbox: number, { conversation, seq, from }: EntryHead): void {
    if (from === this.#user || from === "") return;
    if (this.#sent.length >= MAX_ENTRIES) this.#compact();
    this.#sent.push({ inbox, conversation, seq });
  }

  /** Takes out everything up to `inbox`. @returns The newest `seq` of each conversation among it. */
  take(inbox: number): Reached[] {
    const end = this.#sent.findIndex((entry) => entry.inbox > inbox);
    const taken = this.#sent.splice(0, end < 0 ? this.#sent.length : end);
    return newestOf(taken);
  }

  #compact(): void {
    const newest = new Map(this.#sent.map((entry) => [entry.conversation, entry]));
    // In the order of the inbox, which `take` relies on: a key that is set again keeps its old place in a map.
    const kept = [...newest.values()].sort((a, b) => a.inbox - b.inbox);
    this.#sent = kept.slice(-MAX_ENTRIES / 2);
  }
}

function newestOf(entries: readonly Sent[]): Reached[] {
  const [only] = entries;
  if (!only) return [];
  if (entries.length === 1) return [{ conversation: only.conversation, seq: only.seq }];
  const newest = new Map(entries.map(({ conversation, seq }) => [conversation, seq]));
  return [...newest].map(([conversation, seq]) => ({ conversation, seq }));
}
