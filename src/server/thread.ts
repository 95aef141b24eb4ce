import process from "node:process";
import { type MessagePort, Worker as NativeThread, parentPort } from "node:worker_threads";
import type { Channel } from "./channel.ts";
import { Topics } from "./topics.ts";
import { answerWatch } from "./watch.ts";
import type { End, Worker } from "./worker.ts";

/** A channel between two threads of one process. It carries no connections: a socket cannot leave its thread. */
export interface ThreadChannel extends Channel {
  /** Sends a copy of bytes on a topic; the copy itself changes threads. */
  sendBytes(topic: string, bytes: Uint8Array): void;
}

/** On Deno 2.9 such a thread is said to have ended at once, but goes on for ever, with the sockets that it listens on. */
const DIES_HANGING = process.versions.deno === undefined;

/** A worker thread with a channel. Whoever started it ends it. */
export interface Thread extends Worker {
  readonly channel: ThreadChannel;
}

/**
 * Starts a TypeScript module as a thread of this process. What it does not catch ends it alone.
 *
 * @param module The URL of the module, such as `import.meta.url`.
 */
export function startThread(module: string): Thread {
  const thread = new NativeThread(new URL(module));
  const { promise: exited, resolve: exit } = Promise.withResolvers<End>();
  let uncaught: { readonly error: unknown } | undefined;
  thread.once("error", (error: unknown) => {
    uncaught = { error };
  });
  thread.once("exit", (code) => exit(uncaught ?? { code }));
  const gone = exited.then(() => undefined);
  return {
    exited,
    channel: threadChannel(thread, gone),
    // Owned by `exited`.
    kill: () => void thread.terminate(),
    diesHanging: DIES_HANGING,
  };
}

/** The part of a thread and of a port to one that is used. */
interface ThreadEnd {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
}

function threadChannel(end: ThreadEnd, closed: Promise<void>): ThreadChannel {
  const topics = new Topics();
  let isOpen = true;
  void closed.then(() => {
    isOpen = false;
  });
  end.on("message", (message) => topics.receive(message, undefined));
  return {
    closed,
    get received() {
      return topics.received;
    },
    send(topic, body, socket, onSent) {
      if (socket) throw new TypeError("Cannot send a connection to a thread: a socket cannot leave its own");
      if (!isOpen) return false;
      end.postMessage({ topic, body });
      if (onSent) process.nextTick(onSent, null);
      return true;
    },
    sendBytes(topic, bytes) {
      const body = new Uint8Array(bytes);
      if (isOpen) end.postMessage({ topic, body }, [body.buffer]);
    },
    on: (topic, handler) => topics.handle(topic, handler),
  };
}

let toParent: ThreadChannel | undefined;

/** The channel to the thread that started this one with {@linkcode startThread}; undefined in a main thread. It ends with the thread. */
export function parentThread(): ThreadChannel | undefined {
  const port: MessagePort | null = parentPort;
  if (port && !toParent) {
    toParent = threadChannel(port as unknown as ThreadEnd, new Promise(() => undefined));
    answerWatch(toParent);
  }
  return toParent;
}
