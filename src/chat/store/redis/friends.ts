import { defineScript, partitionOf, type RedisScript } from "../../../redis/mod.ts";
import { pairOf } from "../../protocol.ts";
import { StoreError } from "../contract.ts";
import type { Friend, FriendAction, FriendResult, FriendState, FriendStore } from "../friend.ts";
import { changeRelation, isFull, type ListSize, type Relation } from "../relation.ts";
import type { Background } from "./background.ts";
import { beginWriting } from "./confirming.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import type { KnownNames } from "./known_names.ts";
import { COUNT_SCRIPT, LEARN_FRIEND_SCRIPT, parseLine } from "./list_scripts.ts";
import { NOW_LUA, TEXT_LUA } from "./lua.ts";
import { friendsItem } from "./owed.ts";
import { toPairs } from "./pairs.ts";
import { toText, toTexts } from "./reply.ts";

/**
 * Changes how two stand to each other, if that is still what was read, and notes that their lists are to learn it.
 *
 * Keys: conversation, owed. Arguments: the version that was read, the two states, who of both has blocked the other one, the item.
 * Gives 1, or 0 when it was changed meanwhile.
 */
const RELATE_SCRIPT: RedisScript = defineScript(`
${TEXT_LUA}${NOW_LUA}
local version = call('HGET', KEYS[1], 'friendship') or '0'
if version ~= ARGV[1] then return 0 end
local time = now()
version = text(math.max(tonumber(time), tonumber(version) + 1))
call('HSET', KEYS[1], 'friendship', version, 'first', ARGV[2], 'second', ARGV[3], 'blocks', ARGV[4])
call('ZADD', KEYS[2], 'NX', time, ARGV[5])
return 1
`);

/** Strikes what both have learned. Keys: conversation, owed, tries, aside. Arguments: item, the version that they have learned. */
const STRIKE_FRIENDS_SCRIPT: RedisScript = defineScript(`
if redis.call('HGET', KEYS[1], 'friendship') ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[4], ARGV[1])
return 1
`);

/** How the two of a pair stand to each other: each one's line. */
interface Pair {
  readonly version: string;
  readonly first: FriendState | undefined;
  readonly second: FriendState | undefined;
}

/** Who of the two has blocked the other one, as the field `blocks` says it. */
const FIRST = "1";
const SECOND = "2";

/** How often a change is tried that somebody else is faster with. */
const MAX_TRIES = 5;

/** Friends in Redis: the truth is with the conversation of two, each one's list is made to agree with it. */
export class Friends implements FriendStore {
  readonly #context: RedisStoreContext;
  readonly #names: KnownNames;
  readonly #background: Background;

  constructor(context: RedisStoreContext, names: KnownNames, background: Background) {
    this.#context = context;
    this.#names = names;
    this.#background = background;
  }

  async changeFriend(user: string, action: FriendAction, other: string): Promise<FriendResult> {
    try {
      return await this.#change(user, action, other);
    } catch (cause) {
      throw toStoreError(cause, "change a friend");
    }
  }

  async friends(user: string): Promise<readonly Friend[]> {
    try {
      const { reads, keys, deadlineMs } = this.#context;
      const key = keys.friends(user);
      const lines = toPairs(await reads.command(key, ["HGETALL", key], { deadlineMs }));
      const friends: Friend[] = [];
      for (const [name, text] of lines) {
        const state = toState(parseLine(text)?.state);
        if (state) friends.push({ name, state });
      }
      return friends.sort((one, another) => (one.name < another.name ? -1 : 1));
    } catch (cause) {
      throw toStoreError(cause, "read friends");
    }
  }

  async mayWrite(from: string, to: string): Promise<"yes" | "blocked" | "unknown_user"> {
    try {
      const { reads, keys, deadlineMs } = this.#context;
      const key = keys.conv(pairOf(from, to));
      const [missing, blocks] = await Promise.all([
        this.#names.findMissing([to]),
        reads.command(key, ["HGET", key, "blocks"], { deadlineMs }),
      ]);
      const why = missing.get(to);
      if (why === "unknown") return "unknown_user";
      if (why !== undefined) throw why;
      return toText(blocks).includes(from < to ? SECOND : FIRST) ? "blocked" : "yes";
    } catch (cause) {
      throw toStoreError(cause, "read friends");
    }
  }

  /** Makes both lists agree with the pair. @throws {StoreError} `unavailable`. */
  async settle(conversation: string): Promise<void> {
    const strike = await this.#tellBoth(conversation);
    await strike();
  }

  /** Tells both what is owed to them. What does not succeed stays owed. */
  async #tell(conversation: string): Promise<void> {
    try {
      this.#background.run(await this.#tellBoth(conversation));
    } catch (error) {
      this.#context.onError(toStoreError(error, "change a friend"), { during: "write" });
    }
  }

  /** @returns Strikes what is owed, once the lists are as durable as the store promises. */
  async #tellBoth(conversation: string): Promise<() => Promise<void>> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const { version, first, second } = await this.#read(conversation);
    const [one = "", another = ""] = conversation.split(":");
    const confirmLists = beginWriting(this.#context, [one, another]);
    const learn = (user: string, other: string, state: FriendState | undefined): Promise<unknown> =>
      keyspace.script(LEARN_FRIEND_SCRIPT, [keys.friends(user)], [other, state ?? "gone", version], {
        deadlineMs,
      });
    await Promise.all([learn(one, another, first), learn(another, one, second)]);
    return async () => {
      await confirmLists();
      const partition = partitionOf(conversation);
      const owed = [keys.owed(partition), keys.tries(partition), keys.aside(partition)];
      const args = [friendsItem(conversation), version];
      await keyspace.script(STRIKE_FRIENDS_SCRIPT, [keys.conv(conversation), ...owed], args, { deadlineMs });
    };
  }

  async #change(user: string, action: FriendAction, other: string): Promise<FriendResult> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const result = await this.#tryChange(user, action, other);
      if (result !== undefined) return result;
    }
    throw new StoreError("unavailable", "Cannot change a friend: others change it all the time");
  }

  /** @returns Undefined when it was changed meanwhile. */
  async #tryChange(user: string, action: FriendAction, other: string): Promise<FriendResult | undefined> {
    const conversation = pairOf(user, other);
    const isFirst = user < other;
    const [mySize, theirSize] = await Promise.all([this.#sizeOf(user), this.#sizeOf(other)]);
    if (!mySize || !theirSize) return { outcome: "unknown_user" };
    const pair = await this.#read(conversation);
    const before = isFirst
      ? { mine: pair.first, theirs: pair.second }
      : { mine: pair.second, theirs: pair.first };
    const change = changeRelation(before, action);
    if (typeof change === "string") return { outcome: change };
    const { relation, told } = change;
    if (isFull(before.mine, relation.mine, () => mySize)) return { outcome: "full" };
    if (isFull(before.theirs, relation.theirs, () => theirSize)) return { outcome: "full" };
    const isSame = before.mine === relation.mine && before.theirs === relation.theirs;
    if (isSame) {
      // Whoever changed it may still wait for that; and a fail-over may have set a list back.
      await this.#context.confirm(this.#context.keys.conv(conversation));
      await this.#tell(conversation);
    } else if (!(await this.#relate(conversation, pair.version, relation, isFirst))) return undefined;
    return told === undefined ? { outcome: "done" } : { outcome: "done", told };
  }

  /** @returns False when it was changed meanwhile. */
  async #relate(
    conversation: string,
    version: string,
    relation: Relation,
    isFirst: boolean,
  ): Promise<boolean> {
    const { keyspace, keys, deadlineMs, confirm } = this.#context;
    const { mine, theirs } = relation;
    const [first, second] = isFirst ? [mine, theirs] : [theirs, mine];
    const blocks = `${first === "blocked" ? FIRST : ""}${second === "blocked" ? SECOND : ""}`;
    const key = keys.conv(conversation);
    const args = [version, first ?? "", second ?? "", blocks, friendsItem(conversation)];
    const names = [key, keys.owed(partitionOf(conversation))];
    if ((await keyspace.script(RELATE_SCRIPT, names, args, { deadlineMs })) !== 1) return false;
    await confirm(key);
    await this.#tell(conversation);
    return true;
  }

  async #read(conversation: string): Promise<Pair> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.conv(conversation);
    const fields = ["HMGET", key, "friendship", "first", "second"];
    const [version, first, second] = toTexts(await keyspace.command(key, fields, { deadlineMs }));
    return {
      version: version === "" ? "0" : (version ?? "0"),
      first: toState(first),
      second: toState(second),
    };
  }

  /** Undefined when there is no such user. Calls at once may pass the limits. */
  async #sizeOf(user: string): Promise<ListSize | undefined> {
    const { reads, keys, deadlineMs } = this.#context;
    const names = [keys.mark(user), keys.friends(user)];
    const counts = toTexts(await reads.script(COUNT_SCRIPT, names, STATES, { deadlineMs }));
    if (counts.length === 0) return undefined;
    const [friend = 0, outgoing = 0, incoming = 0, blocked = 0] = counts.map(Number);
    return { names: friend + outgoing + incoming, blocked };
  }
}

const STATES: readonly FriendState[] = ["friend", "outgoing", "incoming", "blocked"];

function toState(text: string | undefined): FriendState | undefined {
  return STATES.find((state) => state === text);
}
