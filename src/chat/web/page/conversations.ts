import { Conversation } from "./conversation.ts";

/** The most conversations that are known here. */
const MAX_CONVERSATIONS = 500;

/** All conversations that this page knows of, by their peers. */
export class Conversations {
  /** What came up to this entry of the inbox was counted as unread by the server. */
  counted = 0;
  readonly #byPeer = new Map<string, Conversation>();

  /** The one with a user, or of a `#group`. What was silent longest makes room for a new one. */
  with(peer: string): Conversation {
    const known = this.#byPeer.get(peer);
    if (known) return known;
    const conversation = new Conversation(peer);
    this.#byPeer.set(peer, conversation);
    if (this.#byPeer.size > MAX_CONVERSATIONS) this.#dropOne(conversation);
    return conversation;
  }

  /** Takes in those with some peers, without taking the room of others. @returns Whether there was room for all. */
  fill(peers: readonly string[]): boolean {
    for (const peer of peers) {
      if (!this.has(peer) && this.#byPeer.size >= MAX_CONVERSATIONS) return false;
      this.with(peer);
    }
    return true;
  }

  /** Whether there is one already. */
  has(peer: string): boolean {
    return this.#byPeer.has(peer);
  }

  /** Those with something to show, the newest first; those without by their names. */
  list(): readonly Conversation[] {
    return [...this.#byPeer.values()].sort(
      (a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0) || a.peer.localeCompare(b.peer),
    );
  }

  /** Messages that are unread in all of them. */
  get unread(): number {
    let sum = 0;
    for (const { unread } of this.#byPeer.values()) sum += unread;
    return sum;
  }

  /** Messages that have no answer yet. */
  get unsent(): number {
    let sum = 0;
    for (const { unsent } of this.#byPeer.values())
      sum += unsent.filter(({ error }) => error === undefined).length;
    return sum;
  }

  /** What the server counts as unread, of what came up to entry `counted` of the inbox; the others are read. */
  setUnread(unread: ReadonlyMap<string, number>, counted: number): void {
    this.counted = counted;
    for (const [peer, count] of unread) this.with(peer).unread = count;
    for (const conversation of this.#byPeer.values())
      if (!unread.has(conversation.peer)) conversation.unread = 0;
  }

  /** Somebody is not in a group any more. */
  left(group: string, name: string): void {
    this.#byPeer.get(group)?.left(name);
  }

  /** Forgets one. */
  remove(peer: string): void {
    this.#byPeer.delete(peer);
  }

  #dropOne(newest: Conversation): void {
    const idle = this.list().findLast((one) => one !== newest && one.unsent.length === 0 && one.unread === 0);
    const last = idle ?? this.list().findLast((one) => one !== newest);
    if (last) this.#byPeer.delete(last.peer);
  }
}
