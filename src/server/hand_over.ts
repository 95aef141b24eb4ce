import type { Socket } from "node:net";
import process from "node:process";
import { systemClock } from "../async/mod.ts";
import { AcceptGate, type ListenOptions } from "../net/mod.ts";
import type { Channel } from "./channel.ts";

/** The topic on which connections are handed over, and what became of them is reported. */
const TOPIC = "connection";

/**
 * Connections on their way to a child that it has not yet said to have taken: more wait, so that a child that hangs holds few of them.
 *
 * On Deno 2.9 a channel copies every connection that it is given, sends the next only when the child has answered for the last, and never
 * closes the copies that it holds when the child dies: their descriptors are lost, and their clients hear of no end. There the next
 * is given to it only when the last was taken. Its own callback comes too early: before the child's answer.
 */
export const MAX_UNTAKEN: number = process.versions.deno === undefined ? 512 : 1;
/** Connections that wait for their turn: all clients of a server that died come at once. */
const MAX_WAITING = 8192;

/** What the child reports, once a tick: the keys of connections that it has taken, and of those that are over. */
interface Report {
  readonly taken: readonly number[];
  readonly closed: readonly number[];
}

/** What becomes of a connection that was handed over: one of `closed`, `reset` and `returned` is called, once. */
export interface HandOverHandler {
  /** The child has taken it, and our copy is closed: before `closed`. @default {ignored} */
  taken?(): void;
  /** It is over: the child says so, or has ended after it had taken it. */
  closed(): void;
  /** It was ended before the child took it: by {@linkcode HandOver.resetUntaken}. */
  reset(): void;
  /** The child has ended before it took it: it is the caller's again, and nothing was read from it. */
  returned(): void;
}

/** A parent's way to hand accepted connections to one child. */
export interface HandOver {
  /** Connections that the child holds, those on their way and those that wait for it included. */
  readonly connections: number;
  /**
   * Hands a connection over: at once, or in its turn while the child has not taken the last {@linkcode MAX_UNTAKEN}.
   *
   * @returns False when the child cannot take it: it is gone, or 8,192 wait. The connection is still the caller's.
   */
  send(socket: Socket, handler: HandOverHandler): boolean;
  /**
   * For when the child hangs: ends the connections on their way, whose clients can try again and which the child finds closed should it
   * go on, and returns those that wait.
   */
  resetUntaken(): void;
}

interface Held {
  /** Our copy of the connection, until the child has its own. */
  socket: Socket | undefined;
  readonly handler: HandOverHandler;
  isOnItsWay: boolean;
}

/** Makes the parent's end over a child's channel. */
export function handOver(channel: Channel): HandOver {
  return new OverChannel(channel);
}

class OverChannel implements HandOver {
  readonly #channel: Channel;
  readonly #held = new Map<number, Held>();
  /** The keys of those that wait for their turn, in the order in which they came. */
  readonly #waiting = new Set<number>();
  #lastKey = 0;
  #untaken = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.on(TOPIC, (body) => this.#read(body as Report));
    void channel.closed.then(() => {
      for (const key of [...this.#held.keys()]) this.#over(key);
    });
  }

  get connections(): number {
    return this.#held.size;
  }

  send(socket: Socket, handler: HandOverHandler): boolean {
    if (this.#waiting.size >= MAX_WAITING) return false;
    this.#lastKey += 1;
    const key = this.#lastKey;
    this.#held.set(key, { socket, handler, isOnItsWay: false });
    if (this.#untaken >= MAX_UNTAKEN) this.#waiting.add(key);
    else if (!this.#transmit(key)) {
      this.#held.delete(key);
      return false;
    }
    return true;
  }

  resetUntaken(): void {
    for (const key of [...this.#waiting]) this.#over(key);
    for (const [key, { socket, handler }] of this.#held) {
      if (!socket) continue;
      this.#held.delete(key);
      this.#untaken -= 1;
      // While the child's copy is on its way, closing ours tells the client nothing: only the end of our side does.
      socket.end(() => socket.resetAndDestroy());
      handler.reset();
    }
  }

  #read({ taken, closed }: Report): void {
    for (const key of taken) this.#took(key);
    for (const key of closed) this.#over(key);
    this.#advance();
  }

  #took(key: number): void {
    const entry = this.#held.get(key);
    if (!entry?.socket) return;
    this.#untaken -= 1;
    entry.socket.destroy();
    entry.socket = undefined;
    entry.handler.taken?.();
  }

  #over(key: number): void {
    const entry = this.#held.get(key);
    this.#held.delete(key);
    this.#waiting.delete(key);
    if (entry?.isOnItsWay && entry.socket) this.#untaken -= 1;
    if (entry?.socket) entry.handler.returned();
    else entry?.handler.closed();
  }

  /** Sends those whose turn it is. */
  #advance(): void {
    for (const key of this.#waiting) {
      if (this.#untaken >= MAX_UNTAKEN) return;
      this.#waiting.delete(key);
      if (!this.#transmit(key)) this.#over(key);
    }
  }

  #transmit(key: number): boolean {
    const entry = this.#held.get(key);
    if (!entry) return false;
    const isSent = this.#channel.send(TOPIC, key, entry.socket, (error) => {
      if (!error) return;
      this.#over(key);
      this.#advance();
    });
    if (!isSent) return false;
    entry.isOnItsWay = true;
    this.#untaken += 1;
    return true;
  }
}

/**
 * Takes the connections that the parent hands over, as long as this process may open more files; others are closed.
 *
 * @param take Given each connection, still paused, with a function to call when it is over.
 * @param onError Told of connections that there was no file for, once a second at most.
 */
export function takeConnections(
  channel: Channel,
  take: (socket: Socket, onClosed: () => void) => void,
  onError: NonNullable<ListenOptions["onError"]>,
): void {
  const gate = new AcceptGate(() => "take a connection that the parent hands over", systemClock, { onError });
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
      if (socket && gate.admits(() => void socket.destroy())) take(socket, onClosed);
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
