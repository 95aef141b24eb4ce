import type { Socket } from "node:net";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import type { Channel } from "./channel.ts";
import { encodeValue, ValueDecoder } from "./frame_pipe.ts";
import { type Envelope, Topics } from "./topics.ts";
import { answerWatch } from "./watch.ts";

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
    get received() {
      return topics.received;
    },
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

let toParent: Channel | undefined;

/** The channel to the process that started this one with {@linkcode startChild}; undefined when it was started otherwise. */
export function parentChannel(): Channel | undefined {
  if (process.send && !toParent) {
    toParent = processChannel(thisProcess(), HAS_PIPE ? { pipeIn: process.stdin } : {});
    answerWatch(toParent);
  }
  return toParent;
}

/** This process as a child of its parent. */
export function thisProcess(): ChannelEnd {
  return process as unknown as ChannelEnd;
}
