import type { ChatClient, History } from "../chat/mod.ts";

/** Messages that are shown where nobody says how many. */
const DEFAULT_COUNT = 20;
/** The most that are shown at once. */
const MAX_COUNT = 200;

/** A message of a history. */
export type PastMessage = History["messages"][number];

/** What is asked for: so many messages with somebody, or of a `#group`. */
export interface Wanted {
  readonly peer: string;
  readonly count: number;
}

/** A page of the past. */
export interface Page {
  readonly peer: string;
  /** The oldest first. */
  readonly messages: readonly PastMessage[];
  /** Whether there are older ones. */
  readonly more: boolean;
}

/**
 * Reads the words `[NAME] [COUNT]`. A word of digits alone is a COUNT; `@123` is somebody of that name.
 *
 * @param peer Whom one talks to.
 * @param unread How many messages of somebody are unread: as many are shown at least.
 * @returns What is wrong, where it is.
 */
export function wantedOf(
  words: readonly string[],
  peer: string | undefined,
  unread: (peer: string) => number,
): Wanted | string {
  const [first, second, extra] = words;
  const isCount = second === undefined && first !== undefined && /^\d+$/.test(first);
  const name = isCount || first === undefined ? peer : nameOf(first);
  const count = countOf(isCount ? first : second);
  if (extra !== undefined || count === "wrong")
    return `say it as /history NAME COUNT, COUNT from 1 to ${MAX_COUNT}`;
  if (name === undefined || name === "") return "say with whom: /history NAME";
  const least = Math.min(MAX_COUNT, Math.max(DEFAULT_COUNT, unread(name)));
  return { peer: name, count: count ?? least };
}

function nameOf(word: string): string {
  return (word.startsWith("@") ? word.slice(1) : word).toLowerCase();
}

function countOf(word: string | undefined): number | undefined | "wrong" {
  if (word === undefined) return undefined;
  const count = /^\d{1,3}$/.test(word) ? Number(word) : 0;
  return count >= 1 && count <= MAX_COUNT ? count : "wrong";
}

/** Reads the words `[COUNT]` of who looks further back. @returns What is wrong, where it is; undefined where nobody says how many. */
export function olderCountOf([word, extra]: readonly string[]): number | string | undefined {
  const count = countOf(word);
  return count === "wrong" || extra !== undefined
    ? `say it as /older COUNT, COUNT from 1 to ${MAX_COUNT}`
    : count;
}

/** Leads through the past of a conversation, from the newest messages to older ones. */
export class Past {
  /** Where the last look has ended. */
  #place: { readonly peer: string; readonly before: number; readonly more: boolean } | undefined;

  /** The newest messages. @throws {ChatError} */
  async newest(client: ChatClient, { peer, count }: Wanted): Promise<Page> {
    return await this.#look(client, { peer, count }, undefined);
  }

  /** Whether there is a place from which one can look further back. */
  get isOpen(): boolean {
    return this.#place !== undefined;
  }

  /** Those before the ones that were shown last; none where none is older. @throws {ChatError} */
  async older(client: ChatClient, count: number = DEFAULT_COUNT): Promise<Page> {
    const { peer, before, more } = this.#place ?? { peer: "", before: 0, more: false };
    if (!more) return { peer, messages: [], more };
    return await this.#look(client, { peer, count }, before);
  }

  async #look(client: ChatClient, { peer, count }: Wanted, start: number | undefined): Promise<Page> {
    const found: PastMessage[] = [];
    let before = start;
    let more = true;
    // A page of the server's ends earlier where messages are long.
    while (more && found.length < count) {
      const place = before === undefined ? {} : { before };
      const page = await client.history(peer, { limit: count - found.length, ...place });
      found.unshift(...page.messages);
      before = page.messages[0]?.seq;
      more = page.more && before !== undefined;
    }
    this.#place = before === undefined ? undefined : { peer, before, more };
    return { peer, messages: found, more };
  }
}
