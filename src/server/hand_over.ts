import type { Socket } from "node:net";
import type { Channel } from "./channel.ts";

/** The topic on which connections are handed over, and what became of them is reported. */
const TOPIC = "connection";

/** Connections that a child has not yet said to have taken: more are refused, so that a child that hangs holds few of them. */
const MAX_UNTAKEN = 512;

/** What the child reports, once a tick: the keys of connections that it has taken, and of those that are over. */
interface Report {
  readonly taken: readonly number[];
  readonly closed: readonly number[];
}

/** What becomes of a connection that was handed over: one of these is called, once. */
export interface HandOverHandler {
  /** It is over: the child says so, or has ended after it had taken it. */
  closed(): void;
  /** The child has ended before it took it: it is the caller's again, and nothing was read from it. */
  returned(): void;
}

/** A parent's way to hand accepted connections to one child. */
export interface HandOver {
  /** Connections that the child holds, those on their way included. */
  readonly connections: number;
  /**
   * Hands a connection over.
   *
   * @returns False when the child cannot take it: it is gone, or has not taken the last 512. The connection is still the caller's.
   */
  send(socket: Socket, handler: HandOverHandler): boolean;
  /**
   * Resets the connections that the child has not taken, for when it hangs: their clients can try again, and the child finds
   * them closed should it go on.
   */
  resetUntaken(): void;
}

interface Held {
  /** Our copy of the connection, until the child has its own. */
  socket: Socket | undefined;
  readonly handler: HandOverHandler;
}

/** Makes the parent's end over a child's channel. */
export function handOver(channel: Channel): HandOver {
  const held = new Map<number, Held>();
  let lastKey = 0;
  let untaken = 0;

  function took(key: number): void {
    const entry = held.get(key);
    if (!entry?.socket) return;
    untaken -= 1;
    entry.socket.destroy();
    entry.socket = undefined;
  }
  function over(key: number): void {
    const entry = held.get(key);
    held.delete(key);
    if (entry?.socket) {
      untaken -= 1;
      entry.handler.returned();
    } else entry?.handler.closed();
  }
  channel.on(TOPIC, (body) => {
    const { taken, closed } = body as Report;
    for (const key of taken) took(key);
    for (const key of closed) over(key);
  });
  void channel.closed.then(() => {
    for (const key of [...held.keys()]) over(key);
  });
  return {
    get connections() {
      return held.size;
    },
    send(socket, handler) {
      if (untaken >= MAX_UNTAKEN) return false;
      lastKey += 1;
      const key = lastKey;
      const isSent = channel.send(TOPIC, key, socket, (error) => {
        if (error) over(key);
      });
      if (!isSent) return false;
      untaken += 1;
      held.set(key, { socket, handler });
      return true;
    },
    resetUntaken() {
      for (const [key, { socket, handler }] of held) {
        if (!socket) continue;
        held.delete(key);
        untaken -= 1;
        socket.resetAndDestroy();
        handler.closed();
      }
    },
  };
}

/**
 * Takes the connections that the parent hands over.
 *
 * @param take Given each connection, still paused, with a function to call when it is over.
 */
export function takeConnections(
  channel: Channel,
  take: (socket: Socket, onClosed: () => void) => void,
): void {
  let arrived: (readonly [number, Socket | undefined])[] = [];
  let closed: number[] = [];
  let isScheduled = false;

  function report(): void {
    isScheduled = false;
    const batch = arrived;
    const taken = batch.map(([key]) => key);
    // Nothing is read from a connection before the parent is sure to hear that it was taken: else it would give one that was
    // begun here to another child, should we die in between.
    const isSent = channel.send(TOPIC, { taken, closed } satisfies Report, undefined, () => begin(batch));
    if (!isSent) for (const [, socket] of batch) socket?.destroy();
    arrived = [];
    closed = [];
  }
  function begin(batch: typeof arrived): void {
    for (const [key, socket] of batch) {
      const onClosed = (): void => {
        closed.push(key);
        schedule();
      };
      // A connection that was reset on its way arrives as nothing.
      if (socket) take(socket, onClosed);
      else onClosed();
    }
  }
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(report);
  }
  channel.on(TOPIC, (body, socket) => {
    arrived.push([Number(body), socket]);
    schedule();
  });
}
