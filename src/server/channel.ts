import type { Socket } from "node:net";

/** What arrives on a topic: the body as it was sent and, where one was passed along, an accepted connection. */
export type TopicHandler = (body: unknown, socket: Socket | undefined) => void;

/**
 * Messages between a parent process and one of its children, by topic, in order.
 *
 * Both sides hold one; the child's is {@linkcode parentChannel}. Bodies are copied by structured clone, so a `Uint8Array`
 * stays one, and functions and class instances are refused.
 */
export interface Channel {
  /**
   * Sends a body, and with it perhaps an accepted connection. Ours stays open: whoever sent it destroys it once the other side
   * is known to have its own.
   *
   * @param onSent Called when it has left this process, or with the error that kept it from leaving.
   * @returns False when the channel is closed: nothing was sent, and `onSent` is not called.
   */
  send(topic: string, body: unknown, socket?: Socket, onSent?: (error: Error | null) => void): boolean;
  /** Sets the one handler of a topic. What came for a topic before it had a handler waits, at most 1,000 messages in all. */
  on(topic: string, handler: TopicHandler): void;
  /** How many messages have come so far, on all topics. */
  readonly received: number;
  /** Settles when the channel has broken or the other process is gone. Never rejects. */
  readonly closed: Promise<void>;
}
