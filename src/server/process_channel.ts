import type { Socket } from "node:net";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import type { Channel, TopicHandler } from "./channel.ts";
import { encodeValue, ValueDecoder } from "./frame_pipe.ts";

/** One end of the runtime's channel between processes: a child process as its parent holds it, or the process itself. */
export interface ChannelEnd {
  send?(
    message: unknown,
    socket: Socket | undefined,
    options: { readonly keepOpen: true },
    done: (error: Error | null) => void,
  ): boolean;
  on(event: "message", listener: (message: unknown, socket: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

/** Options for {@linkcode processChannel}. */
export interface ProcessChannelOptions {
  /** Settles when the other process is gone, whatever the channel says. */
  readonly gone?: Promise<unknown>;
  /** Another way for what carries no connection, see {@linkcode HAS_PIPE}. */
  readonly pipeOut?: Writable;
  readonly pipeIn?: Readable;
}

/**
 * Whether messages from a parent to its child go through the child's standard input.
 *
 * On Deno 2.9 a channel that carries a connection after a message that carries none stops for good (the child never sees the
 * second connection, nor anything after it). There the channel is left to the connections alone in that direction.
 */
export const HAS_PIPE: boolean = process.versions.deno !== undefined;

interface Envelope {
  readonly topic: string;
  readonly body: unknown;
}

const MAX_UNHANDLED = 1000;

/** Makes a {@linkcode Channel} of one end. */
export function processChannel(
  end: ChannelEnd,
  { gone, pipeOut, pipeIn }: ProcessChannelOptions = {},
): Channel {
  const topics = new Topics();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let isOpen = true;

  function onGone(): void {
    isOpen = false;
    close();
  }
  end.on("message", (message, socket) => topics.receive(message, socket as Socket | undefined));
  end.on("disconnect", onGone);
  gone?.then(onGone, onGone);
  const decoder = new ValueDecoder((message) => topics.receive(message, undefined));
  pipeIn?.on("data", (chunk) => decoder.push(chunk));
  // On Deno a parent that is killed while much is on its way is not always noticed by `disconnect`; its pipe ends for certain.
  pipeIn?.on("close", onGone);
  pipeIn?.on("end", onGone);
  // Broken with the other process: `closed` will say so.
  pipeOut?.on("error", () => undefined);

  return {
    closed,
    send(topic, body, socket, onSent) {
      if (!isOpen || !end.send) return false;
      const envelope: Envelope = { topic, body };
      const done = (error: Error | null | undefined): void => onSent?.(error ?? null);
      if (pipeOut && !socket) pipeOut.write(encodeValue(envelope), done);
      // Without `keepOpen` a connection on its way to a process that dies stays open for ever, here and for the client.
      else end.send(envelope, socket, { keepOpen: true }, done);
      return true;
    },
    on: (topic, handler) => topics.handle(topic, handler),
  };
}

/** The handlers of a channel's topics, and what came before there was one. */
class Topics {
  readonly #handlers = new Map<string, TopicHandler>();
  readonly #waiting = new Map<string, [unknown, Socket | undefined][]>();
  #unhandled = 0;

  receive(message: unknown, socket: Socket | undefined): void {
    if (!isEnvelope(message)) return;
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

let toParent: Channel | undefined;

/** The channel to the process that started this one with {@linkcode startChild}; undefined when it was started otherwise. */
export function parentChannel(): Channel | undefined {
  if (process.send) {
    toParent ??= processChannel(process as unknown as ChannelEnd, HAS_PIPE ? { pipeIn: process.stdin } : {});
  }
  return toParent;
}
