import type { Channel } from "../../server/mod.ts";
import type { Ask } from "./ask_queue.ts";
import { isPresenceFrame, PRESENCE_TOPIC, type PresenceFrame } from "./frame.ts";

/** Knows who is online at the children of one parent. It holds nothing that has to be closed. */
export interface PresenceHub {
  /**
   * Serves a child over its channel, on the topic `presence`. When that breaks, the child's users are gone, and another child is told
   * of those who are nowhere else; where there is none, nobody.
   */
  attach(channel: Channel): void;
  /** How many children are served. */
  readonly children: number;
}

/** Makes the hub of a parent process; its children use {@linkcode channelPresence}. */
export function presenceHub(): PresenceHub {
  return new Hub();
}

interface Child {
  readonly channel: Channel;
  readonly users: Set<string>;
  /** Who is gone and was told to this child, until it says that it has passed it on. */
  readonly telling: Map<number, readonly string[]>;
}

class Hub implements PresenceHub {
  readonly #children = new Set<Child>();
  /** By which children a user is held; never empty. */
  readonly #holders = new Map<string, readonly Child[]>();
  #lastNumber = 0;

  get children(): number {
    return this.#children.size;
  }

  attach(channel: Channel): void {
    const child: Child = { channel, users: new Set(), telling: new Map() };
    this.#children.add(child);
    channel.on(PRESENCE_TOPIC, (body) => {
      if (isPresenceFrame(body) && this.#children.has(child)) this.#onFrame(child, body);
    });
    void channel.closed.then(() => this.#detach(child));
  }

  #onFrame(child: Child, frame: PresenceFrame): void {
    switch (frame.type) {
      case "ask": {
        const answers = frame.asks.map((ask) => this.#answer(child, ask));
        send(child, { type: "answer", number: frame.number, answers });
        return;
      }
      case "told":
        child.telling.delete(frame.number);
        return;
      case "bye":
        this.#detach(child);
        return;
      case "answer":
      case "gone":
        return;
    }
  }

  #answer(child: Child, { kind, users }: Ask): readonly boolean[] {
    switch (kind) {
      case "+":
        return users.map((user) => this.#arrive(child, user));
      case "-":
        return users.map((user) => this.#leave(child, user));
      case "?":
        return users.map((user) => this.#holders.has(user));
    }
  }

  #arrive(child: Child, user: string): boolean {
    child.users.add(user);
    const others = this.#others(child, user);
    this.#holders.set(user, [...others, child]);
    return others.length === 0;
  }

  #leave(child: Child, user: string): boolean {
    child.users.delete(user);
    const others = this.#others(child, user);
    if (others.length === 0) this.#holders.delete(user);
    else this.#holders.set(user, others);
    return others.length === 0;
  }

  #others(child: Child, user: string): readonly Child[] {
    return (this.#holders.get(user) ?? []).filter((holder) => holder !== child);
  }

  #detach(child: Child): void {
    if (!this.#children.delete(child)) return;
    const gone = new Set<string>();
    // What this child did not live to pass on is passed on by another one.
    for (const users of child.telling.values()) for (const user of users) gone.add(user);
    for (const user of [...child.users]) if (this.#leave(child, user)) gone.add(user);
    this.#tellSomebody([...gone].filter((user) => !this.#holders.has(user)));
  }

  #tellSomebody(users: readonly string[]): void {
    const [child] = this.#children;
    if (!child || users.length === 0) return;
    this.#lastNumber += 1;
    child.telling.set(this.#lastNumber, users);
    send(child, { type: "gone", number: this.#lastNumber, users });
  }
}

/** What cannot be sent is to a child whose channel has broken: that it has is told to the hub. */
function send({ channel }: Child, frame: PresenceFrame): void {
  channel.send(PRESENCE_TOPIC, frame);
}
