import type { Channel, TopicHandler } from "../../src/server/mod.ts";

/** Both ends of a channel within one process: bodies are copied and arrive in a later turn, in order. */
export interface ChannelPair {
  readonly parent: Channel;
  readonly child: Channel;
  /** Breaks the channel, as when the child's process is killed. */
  break(): void;
}

/** Makes a channel without processes, for tests of what is said over it. */
export function channelPair(): ChannelPair {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const parent = new PairedChannel(closed);
  const child = new PairedChannel(closed);
  parent.other = child;
  child.other = parent;
  return {
    parent,
    child,
    break() {
      parent.other = undefined;
      child.other = undefined;
      close();
    },
  };
}

class PairedChannel implements Channel {
  readonly closed: Promise<void>;
  other: PairedChannel | undefined;
  received = 0;
  readonly #handlers = new Map<string, TopicHandler>();
  readonly #waiting: { topic: string; body: unknown }[] = [];

  constructor(closed: Promise<void>) {
    this.closed = closed;
  }

  send(topic: string, body: unknown): boolean {
    const copy: unknown = structuredClone(body);
    const { other } = this;
    if (!other) return false;
    setTimeout(() => this.other && other.#receive(topic, copy), 0);
    return true;
  }

  on(topic: string, handler: TopicHandler): void {
    this.#handlers.set(topic, handler);
    for (const message of this.#waiting.splice(0)) this.#handle(message.topic, message.body);
  }

  #receive(topic: string, body: unknown): void {
    this.received += 1;
    this.#handle(topic, body);
  }

  #handle(topic: string, body: unknown): void {
    const handler = this.#handlers.get(topic);
    if (handler) handler(body, undefined);
    else this.#waiting.push({ topic, body });
  }
}
