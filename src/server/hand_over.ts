import type { Socket } from "node:net";
import type { Channel } from "./channel.ts";

/** The topic on which connections are handed over, and their ends reported. */
const TOPIC = "connection";

/** Connections that a child has not yet said to have taken: more are refused, so that a child that hangs holds few of them. */
const MAX_UNTAKEN = 512;

/** What the child reports, once a tick. */
interface Report {
  /** How many more it has taken. */
  readonly taken: number;
  /** The keys of those that are over. */
  readonly closed: readonly number[];
}

/** A parent's way to hand accepted connections to one child. */
export interface HandOver {
  /** Connections that the child holds, those on their way included. */
  readonly connections: number;
  /**
   * Hands a connection over; from then on it is the child's.
   *
   * @param onClosed Called once: when the child says that it is over, or with the child's end.
   * @returns False when the child cannot take it: it is gone, or has not taken the last 512. The connection is still the caller's.
   */
  send(socket: Socket, onClosed: () => void): boolean;
}

/** Makes the parent's end over a child's channel. */
export function handOver(channel: Channel): HandOver {
  const held = new Map<number, () => void>();
  let lastKey = 0;
  let untaken = 0;

  function end(key: number): void {
    const onClosed = held.get(key);
    held.delete(key);
    onClosed?.();
  }
  channel.on(TOPIC, (body) => {
    const { taken, closed } = body as Report;
    untaken -= taken;
    for (const key of closed) end(key);
  });
  void channel.closed.then(() => {
    for (const key of [...held.keys()]) end(key);
  });
  return {
    get connections() {
      return held.size;
    },
    send(socket, onClosed) {
      if (untaken >= MAX_UNTAKEN) return false;
      lastKey += 1;
      if (!channel.send(TOPIC, lastKey, socket)) return false;
      untaken += 1;
      held.set(lastKey, onClosed);
      return true;
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
  let taken = 0;
  let closed: number[] = [];
  let isScheduled = false;

  function report(): void {
    isScheduled = false;
    channel.send(TOPIC, { taken, closed } satisfies Report);
    taken = 0;
    closed = [];
  }
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(report);
  }
  channel.on(TOPIC, (body, socket) => {
    const key = Number(body);
    taken += 1;
    schedule();
    const onClosed = (): void => {
      closed.push(key);
      schedule();
    };
    // A connection that was reset on its way arrives as nothing.
    if (socket) take(socket, onClosed);
    else onClosed();
  });
}
