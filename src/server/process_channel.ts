import type { Socket } from "node:net";
import process from "node:process";
import type { Channel, TopicHandler } from "./channel.ts";

/** One end of the runtime's channel between processes: a child process as its parent holds it, or the process itself. */
export interface ChannelEnd {
  send?(message: unknown, socket: Socket | undefined, done: (error: Error | null) => void): boolean;
  on(event: "message", listener: (message: unknown, socket: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

interface Envelope {
  readonly topic: string;
  readonly body: unknown;
}

const MAX_UNHANDLED = 1000;

/** Makes a {@linkcode Channel} of one end. `gone` settles when the other process is gone, whatever the channel says. */
export function processChannel(end: ChannelEnd, gone?: Promise<unknown>): Channel {
  const handlers = new Map<string, TopicHandler>();
  const waiting = new Map<string, [unknown, Socket | undefined][]>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let isOpen = true;
  let unhandled = 0;

  function onGone(): void {
    isOpen = false;
    close();
  }
  function receive(message: unknown, handed: unknown): void {
    if (!isEnvelope(message)) return;
    const socket = handed as Socket | undefined;
    const handler = handlers.get(message.topic);
    if (handler) handler(message.body, socket);
    else keep(message, socket);
  }
  function keep({ topic, body }: Envelope, socket: Socket | undefined): void {
    if (unhandled >= MAX_UNHANDLED) {
      socket?.destroy();
      return;
    }
    unhandled += 1;
    const queue = waiting.get(topic) ?? [];
    queue.push([body, socket]);
    waiting.set(topic, queue);
  }
  end.on("message", receive);
  end.on("disconnect", onGone);
  gone?.then(onGone, onGone);

  return {
    closed,
    send(topic, body, socket) {
      if (!isOpen || !end.send) return false;
      try {
        // A failure after this means that the other process is going: `closed` will say so.
        end.send({ topic, body } satisfies Envelope, socket, (error) => error && socket?.destroy());
        return true;
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ERR_IPC_CHANNEL_CLOSED")
          return false;
        throw error;
      }
    },
    on(topic, handler) {
      handlers.set(topic, handler);
      const queue = waiting.get(topic) ?? [];
      waiting.delete(topic);
      unhandled -= queue.length;
      for (const [body, socket] of queue) handler(body, socket);
    },
  };
}

function isEnvelope(message: unknown): message is Envelope {
  return (
    typeof message === "object" && message !== null && "topic" in message && typeof message.topic === "string"
  );
}

let toParent: Channel | undefined;

/** The channel to the process that started this one with {@linkcode startChild}; undefined when it was started otherwise. */
export function parentChannel(): Channel | undefined {
  if (process.send) toParent ??= processChannel(process as unknown as ChannelEnd);
  return toParent;
}
