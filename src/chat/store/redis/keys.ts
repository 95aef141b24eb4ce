import { partitionOf, taggedName } from "../../../redis/mod.ts";

/**
 * The names under which a store keeps its data in Redis, all of them behind one prefix.
 *
 * Each carries the hash tag of a partition: what is of one user is in the user's, what is of one conversation in the conversation's.
 * So a script may touch several of them on a Cluster, too.
 */
export interface Keys {
  /** Hash: password, and how often all tokens were removed. */
  user(name: string): string;
  /** A token, by its hash; in the token's own partition. */
  token(hash: string): string;
  /**
   * Hash: where the inbox stands (`epoch`, `top`, `stamp`, `floor`, `generation`, `acked`, `history`), and the user's mark in each
   * conversation: {@linkcode markField} → `seq stamp read delivered`, the stamp being the log's.
   */
  mark(user: string): string;
  /** Hash: what each device has acknowledged, its generation, when it was last used. */
  devices(user: string): string;
  /**
   * Stream: an entry's id is its number, then `-0`. One field, `m` for a message and `g` for a gap: the frame from `"stamp":` on,
   * without its newline.
   */
  inbox(user: string): string;
  /** Stream: an entry's id is its number, then `-0`. One field, `m`: the frame from `"stamp":` on. */
  log(conversation: string): string;
  /** Hash: `top` and `stamp` of the newest message; how the two of a pair stand to each other; what a group is. */
  conv(conversation: string): string;
  /** Hash: each member of a group with where they joined, `seq stamp order by`. */
  members(group: string): string;
  /** Hash: who is invited into a group, by whom. */
  invites(group: string): string;
  /** Hash: what users' lists of groups are to learn about a group, see `group_scripts.ts`. */
  changes(group: string): string;
  /** Hash: the recent sends of a device into conversations of one partition. */
  dedupe(conversation: string, user: string, device: string): string;
  /** Hash: how a user stands to others. */
  friends(user: string): string;
  /** Hash: the groups of a user. */
  groups(user: string): string;
  /** Sorted set of a partition: work that is owed, by when it was last taken up. */
  owed(partition: string): string;
  /** Hash of a partition: how often owed work was tried in vain. */
  tries(partition: string): string;
  /** Set of a partition: owed work that was given up. */
  aside(partition: string): string;
  /** Text of a partition that is there for a while after some of that was tried again. */
  retried(partition: string): string;
  /** Text of no meaning, where another name is kept: written by who waits for what was written there. */
  waited(name: string): string;
  /** Failed logins of a name or from a host. */
  failures(what: "name" | "host", value: string): string;
  /** The channel on which new entries of an inbox are published. */
  channel(user: string): string;
  /** What every {@linkcode Keys.mark} and every {@linkcode Keys.channel} begins with: what follows is the same for one user. */
  readonly starts: { readonly mark: string; readonly channel: string };
}

/** Names with `prefix` before each, and `channels` before those of channels. */
export function keysOf(prefix: string, channels: string): Keys {
  const of = (kind: string) => (name: string) => `${prefix}${taggedName(kind, name)}`;
  const part = (kind: string) => (partition: string) => `${prefix}${kind}:{${partition}}`;
  return {
    user: of("user"),
    token: of("token"),
    mark: of("mark"),
    devices: of("devices"),
    inbox: of("inbox"),
    log: of("log"),
    conv: of("conv"),
    members: of("members"),
    invites: of("invites"),
    changes: of("changes"),
    // A user's name has no colon, so whatever a device is called the two cannot be confused.
    dedupe: (conversation, user, device) =>
      `${prefix}dedupe:{${partitionOf(conversation)}}:${user}:${device}`,
    friends: of("friends"),
    groups: of("groups"),
    owed: part("owed"),
    tries: part("tries"),
    aside: part("aside"),
    retried: part("retried"),
    waited: (name) => `${prefix}waited:${/\{.*?\}/.exec(name)?.[0] ?? ""}`,
    failures: (what, value) => `${prefix}failures:{${partitionOf(value)}}:${what}:${value}`,
    channel: (user) => `${channels}${taggedName("user", user)}`,
    starts: { mark: `${prefix}mark:`, channel: `${channels}user:` },
  };
}

/** The field of a user's mark hash that says how far the user has got a conversation. */
export function markField(conversation: string): string {
  return `m:${conversation}`;
}
