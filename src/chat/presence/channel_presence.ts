import { type Clock, systemClock, withDeadline } from "../../async/mod.ts";
import type { Channel } from "../../server/mod.ts";
import { type Ask, AskQueue, unavailable } from "./ask_queue.ts";
import type { Presence, PresenceOptions } from "./contract.ts";
import { isPresenceFrame, PRESENCE_TOPIC, type PresenceFrame } from "./frame.ts";
import { reportGone } from "./report_gone.ts";

/** Options for {@linkcode channelPresence}. */
export interface ChannelPresenceOptions extends PresenceOptions {
  /** The longest to wait for the parent, in milliseconds. @default {5000} */
  readonly deadlineMs?: number;
}

/**
 * Makes the presence of a child process whose parent attached it to a {@linkcode presenceHub}. What is asked in one tick goes as one
 * message. When the parent is gone, nobody can tell.
 *
 * @param channel The channel to the parent; its topic `presence` is ours.
 */
export function channelPresence(channel: Channel, options: ChannelPresenceOptions): Presence {
  return new OverChannel(channel, options);
}

class OverChannel implements Presence {
  readonly #channel: Channel;
  readonly #options: ChannelPresenceOptions;
  readonly #clock: Clock;
  readonly #held = new Set<string>();
  readonly #queue = new AskQueue((asks) => this.#carryOut(asks));
  /** The batch that is under way. */
  #pending: ({ readonly number: number } & PromiseWithResolvers<readonly (readonly boolean[])[]>) | undefined;
  #lastNumber = 0;
  #isGone = false;

  constructor(channel: Channel, options: ChannelPresenceOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    channel.on(PRESENCE_TOPIC, (body) => {
      if (isPresenceFrame(body)) this.#onFrame(body);
    });
    void channel.closed.then(() => {
      this.#isGone = true;
      this.#pending?.reject(unavailable("the parent process is gone"));
    });
  }

  async arrive(user: string): Promise<boolean> {
    this.#held.add(user);
    const [isFirst = true] = await this.#queue.ask("+", [user]);
    return isFirst;
  }

  async leave(user: string): Promise<boolean> {
    this.#held.delete(user);
    const [isLast = true] = await this.#queue.ask("-", [user]);
    return isLast;
  }

  async online(users: readonly string[]): Promise<ReadonlySet<string>> {
    const answers = await this.#queue.ask("?", users);
    return new Set(users.filter((_, index) => answers[index]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
    this.#send({ type: "bye" });
  }

  async #carryOut(asks: readonly Ask[]): Promise<readonly (readonly boolean[])[]> {
    if (this.#isGone) throw unavailable("the parent process is gone");
    this.#lastNumber += 1;
    const pending = { number: this.#lastNumber, ...Promise.withResolvers<readonly (readonly boolean[])[]>() };
    this.#pending = pending;
    const plain = asks.map(({ kind, users }) => ({ kind, users }));
    this.#send({ type: "ask", number: pending.number, asks: plain });
    const { deadlineMs = 5000 } = this.#options;
    try {
      return await withDeadline(pending.promise, deadlineMs, "ask the parent process", this.#clock);
    } catch (cause) {
      throw unavailable("the parent process does not answer", { cause });
    } finally {
      this.#pending = undefined;
    }
  }

  #onFrame(frame: PresenceFrame): void {
    switch (frame.type) {
      case "answer":
        if (this.#pending?.number === frame.number) this.#pending.resolve(frame.answers);
        return;
      case "gone":
        reportGone(frame.users, this.#held, this.#options);
        this.#send({ type: "told", number: frame.number });
        return;
      case "ask":
      case "told":
      case "bye":
        return;
    }
  }

  /** What cannot be sent is to a parent that is gone, which the channel tells. */
  #send(frame: PresenceFrame): void {
    this.#channel.send(PRESENCE_TOPIC, frame);
  }
}
