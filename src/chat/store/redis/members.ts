import { defineScript, type RedisScript } from "../../../redis/mod.ts";
import type { RedisStoreContext } from "./context.ts";
import { toList, toTexts } from "./reply.ts";

/** Who gets the messages of a conversation. */
export interface Member {
  readonly name: string;
  /** Messages after this number are theirs. */
  readonly joined: number;
  /** The stamp of that message; 0 when there is none. */
  readonly stamp: string;
}

/** The members of a group at one moment. */
export interface Membership {
  /** Grows with every change. */
  readonly version: number;
  readonly members: readonly Member[];
}

/** Members that are remembered, of all groups together. */
const MAX_REMEMBERED = 200_000;

/** Keys: conversation, members. */
const MEMBERS_SCRIPT: RedisScript = defineScript(`
return { redis.call('HGET', KEYS[1], 'version') or '0', redis.call('HGETALL', KEYS[2]) }
`);

/** Knows who is in which group, and asks again only when a group's version is another one. */
export class Memberships {
  readonly #context: RedisStoreContext;
  readonly #known = new Map<string, Membership>();
  #remembered = 0;

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  /**
   * The members of a conversation, at `version` or later.
   *
   * @param version That of the group when a message was appended; absent for what it is now.
   */
  async of(conversation: string, version?: number): Promise<readonly Member[]> {
    if (!conversation.startsWith("#")) return pairMembers(conversation);
    const known = this.#known.get(conversation);
    if (known && version !== undefined && known.version === version) return known.members;
    const found = await this.#read(conversation);
    this.#remember(conversation, found);
    return found.members;
  }

  async #read(group: string): Promise<Membership> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const names = [keys.conv(group), keys.members(group)];
    // Not by the connection for reading: in a fail-over that may still be at the old master, which does not know who has joined since.
    const [version, fields] = toList(await keyspace.script(MEMBERS_SCRIPT, names, [], { deadlineMs }));
    const texts = toTexts(fields);
    const members: Member[] = [];
    for (let index = 0; index + 1 < texts.length; index += 2) {
      const [joined = "0", stamp = "0"] = (texts[index + 1] ?? "").split(" ");
      members.push({ name: texts[index] ?? "", joined: Number(joined), stamp });
    }
    return { version: Number(version), members };
  }

  #remember(group: string, found: Membership): void {
    this.#forget(group);
    this.#known.set(group, found);
    this.#remembered += found.members.length;
    // The one that was put there first goes: a group in use comes back with one call.
    for (const oldest of this.#known.keys()) {
      if (this.#remembered <= MAX_REMEMBERED) break;
      this.#forget(oldest);
    }
  }

  #forget(group: string): void {
    this.#remembered -= this.#known.get(group)?.members.length ?? 0;
    this.#known.delete(group);
  }
}

function pairMembers(conversation: string): readonly Member[] {
  return [...new Set(conversation.split(":"))].map((name) => ({ name, joined: 0, stamp: "0" }));
}
