import type { Socket } from "node:net";
import type { TopicHandler } from "./channel.ts";

/** A body with the topic that it is sent on. */
export interface Envelope {
  readonly topic: string;
  readonly body: unknown;
}

const MAX_UNHANDLED = 1000;

/** The handlers of a channel's topics, and what came before there was one. */
export class Topics {
  readonly #handlers = new Map<string, TopicHandler>();
  readonly #waiting = new Map<string, [unknown, Socket | undefined][]>();
  #unhandled = 0;
  #received = 0;

  /** How many messages have come, those that wait for a handler included. */
  get received(): number {
    return this.#received;
  }

  receive(message: unknown, socket: Socket | undefined): void {
    if (!isEnvelope(message)) return;
    this.#received += 1;
    const handler = this.#handlers.get(message.topic);
    if (handler) handler(message.body, socket);
    else this.#keep(message, socket);
  }

  handle(topic: string, handler: TopicHandler): void {
    this.#handlers.set(topic, handler);
    const queue = this.#waiting.get(topic) ?? [];
    this.#waiting.delete(topic);
    this.#unhandled -= queue.length;
    for (const [body, socket] of queue) handler(body, socket);
  }

  #keep({ topic, body }: Envelope, socket: Socket | undefined): void {
    if (this.#unhandled >= MAX_UNHANDLED) {
      socket?.destroy();
      return;
    }
    this.#unhandled += 1;
    const queue = this.#waiting.get(topic) ?? [];
    queue.push([body, socket]);
    this.#waiting.set(topic, queue);
  }
}

function isEnvelope(message: unknown): message is Envelope {
  return (
    typeof message === "object" && message !== null && "topic" in message && typeof message.topic === "string"
  );
}
