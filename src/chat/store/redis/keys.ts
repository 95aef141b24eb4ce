/** The names under which a store keeps its data in Redis, all of them behind one prefix. */
export interface Keys {
  /** Hash: password, and how often all tokens were removed. */
  user(name: string): string;
  /** String: when it expires, the user's count of removals when it was made, the user. */
  token(hash: string): string;
  /** Hash: where the inbox stands (`epoch`, `top`, `floor`, `generation`, `acked`) and its mark in each conversation (`m:…`). */
  mark(user: string): string;
  /** Hash: what each device has acknowledged, its generation, when it was last used. */
  devices(user: string): string;
  /** Stream: an entry's id is its number, then `-0`. */
  inbox(user: string): string;
  /** Stream: an entry's id is its number, then `-0`. */
  log(conversation: string): string;
  /** Hash: the recent sends of a device. */
  dedupe(user: string, device: string): string;
  /** The channel on which new entries of an inbox are published. */
  channel(user: string): string;
}

/** Names with `prefix` before each. */
export function keysOf(prefix: string): Keys {
  return {
    user: (name) => `${prefix}user:${name}`,
    token: (hash) => `${prefix}token:${hash}`,
    mark: (user) => `${prefix}mark:${user}`,
    devices: (user) => `${prefix}devices:${user}`,
    inbox: (user) => `${prefix}inbox:${user}`,
    log: (conversation) => `${prefix}log:${conversation}`,
    // A user's name has no colon, so whatever a device is called the two cannot be confused.
    dedupe: (user, device) => `${prefix}dedupe:${user}:${device}`,
    channel: (user) => `${prefix}user:${user}`,
  };
}
