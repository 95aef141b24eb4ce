import type { Channel } from "../server/mod.ts";
import { BUS_TOPIC, type BusFrame, type PublishFrame, packLot } from "./frame.ts";
import { Lot, MESSAGE_BYTES } from "./lot.ts";

/** So much taken in is worth a message that says so. */
const ACKNOWLEDGE_BYTES = 256 * 1024;
/** The smallest limit: what is not acknowledged yet must never fill it. */
const MIN_PENDING_BYTES = 4 * ACKNOWLEDGE_BYTES;

/**
 * The messages on their way to one other process: those of a tick go as one. What waits or is not yet taken in by the
 * other side is limited; beyond it messages are dropped and counted.
 */
export class Outbox {
  readonly #channel: Channel;
  readonly #maxPendingBytes: number;
  #lot = new Lot();
  #pendingBytes = 0;
  #takenBytes = 0;
  #dropped = 0;

  /** @throws {RangeError} When `maxPendingBytes` is below 1 MiB. */
  constructor(channel: Channel, maxPendingBytes: number) {
    if (!(maxPendingBytes >= MIN_PENDING_BYTES)) {
      throw new RangeError(
        `Cannot create bus: maxPendingBytes must be at least ${MIN_PENDING_BYTES}, received ${maxPendingBytes}`,
      );
    }
    this.#channel = channel;
    this.#maxPendingBytes = maxPendingBytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Puts a message into this tick's lot. @returns Whether there was room for it. */
  add(channel: string, payload: Uint8Array): boolean {
    const bytes = payload.length + MESSAGE_BYTES;
    if (this.#pendingBytes + bytes > this.#maxPendingBytes) {
      this.#dropped += 1;
      return false;
    }
    this.#pendingBytes += bytes;
    this.#lot.add(channel, payload);
    return true;
  }

  /** Sends what was added since the last time. */
  flush(): void {
    const lot = this.#lot;
    if (lot.channels.length === 0) return;
    this.#lot = new Lot();
    if (!this.send(packLot(lot))) this.#dropped += lot.channels.length;
  }

  /** Sends anything else, at once. False when the other side is gone. */
  send(frame: BusFrame): boolean {
    return this.#channel.send(BUS_TOPIC, frame);
  }

  /** The other side has taken in that much of what was sent. */
  onTaken(bytes: number): void {
    this.#pendingBytes -= bytes;
  }

  /** Counts what came from the other side, and tells it now and then. */
  acknowledge({ channels, bytes }: PublishFrame): void {
    this.#takenBytes += bytes.length + channels.length * MESSAGE_BYTES;
    if (this.#takenBytes < ACKNOWLEDGE_BYTES) return;
    this.send({ type: "taken", bytes: this.#takenBytes });
    this.#takenBytes = 0;
  }
}
