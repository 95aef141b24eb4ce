import { type ChatClient, ChatError } from "../chat/mod.ts";

/** The most users, and the most groups, that are known: as many as one may have as friends, or be in, and some more. */
const MAX_NAMES = 2000;
/** Pages of groups that are asked for: as many groups as one may be in. */
const MAX_PAGES = 6;

/** Names that Tab may complete: of friends, of groups, and of whom there is a conversation with. */
export class KnownNames {
  readonly #users = new Set<string>();
  readonly #groups = new Set<string>();

  get users(): Iterable<string> {
    return this.#users;
  }

  /** Each with its `#`. */
  get groups(): Iterable<string> {
    return this.#groups;
  }

  /** Somebody, or a `#group`, was named. Who was not named for longest makes room for a new one. */
  add(name: string): void {
    const names = name.startsWith("#") ? this.#groups : this.#users;
    names.delete(name);
    names.add(name);
    const [oldest] = names;
    if (names.size > MAX_NAMES && oldest !== undefined) names.delete(oldest);
  }

  /** A group is no more, or one is not in it any more. */
  remove(group: string): void {
    this.#groups.delete(group);
  }

  /** Asks for friends and groups. What cannot be had now is had at the next connection: nothing but Tab needs it. */
  async load(client: ChatClient): Promise<void> {
    try {
      for (const { name } of await client.friends.list()) this.add(name);
      let after: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const { groups, more } = await client.groups.list(after === undefined ? {} : { after });
        for (const { group } of groups) this.add(group);
        after = groups.at(-1)?.group;
        if (!more || after === undefined) break;
      }
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
    }
  }
}
