import type { ChatMessage } from "./reader.ts";

/** The newest messages, which are remembered for certain: those of some seconds for whoever gets thousands. */
const REMEMBERED = 4096;
/** So many UTF-16 units of text are remembered for certain where messages are so long that they come before {@linkcode REMEMBERED}. */
const REMEMBERED_UNITS = 4 * 1024 * 1024;

/** What of a message that was shown stays the same when a server that has lost it gets it again. JSON can say it. */
export type ShownMessage = Pick<ChatMessage, "conversation" | "from" | "id" | "text">;

/** Messages that are forgotten together. */
interface Generation {
  readonly messages: ShownMessage[];
  units: number;
  /** What tells them apart: made when it is first asked for, which is after a rollback. */
  keys: Set<string> | undefined;
}

/**
 * Remembers what was shown last, to tell a message from its repeat when the servers have gone back to an older history: there neither
 * its place nor its number says so. Two messages of one sender with the same id and the same text in one conversation count as one.
 *
 * To remember costs next to nothing until something is asked; what is remembered is compared as a whole, never by a fingerprint, since
 * a new message that was taken for a repeat would be lost.
 */
export class Recent {
  /** The younger half goes on growing, the older half goes all at once: to forget one by one costs more than all the rest. */
  #young: Generation = generation();
  #old: Generation = generation();

  /** Remembers a message, and forgets some beyond twice {@linkcode REMEMBERED} or {@linkcode REMEMBERED_UNITS}. */
  add(message: ShownMessage): void {
    const young = this.#young;
    young.messages.push(message);
    young.keys?.add(keyOf(message));
    young.units += message.text.length;
    if (young.messages.length < REMEMBERED && young.units < REMEMBERED_UNITS) return;
    this.#old = young;
    this.#young = generation();
  }

  /** Those that are remembered, the oldest first. */
  all(): readonly ShownMessage[] {
    return [...this.#old.messages, ...this.#young.messages];
  }

  has(message: ShownMessage): boolean {
    const key = keyOf(message);
    return keysOf(this.#young).has(key) || keysOf(this.#old).has(key);
  }
}

function generation(): Generation {
  return { messages: [], units: 0, keys: undefined };
}

function keysOf(remembered: Generation): Set<string> {
  remembered.keys ??= new Set(remembered.messages.map(keyOf));
  return remembered.keys;
}

/** All that is told, each part but the last with its length, so that no two messages that differ have the same. */
function keyOf({ conversation, from, id, text }: ShownMessage): string {
  return `${conversation.length},${from.length},${id.length},${conversation}${from}${id}${text}`;
}
