import { clearImmediate, setImmediate } from "node:timers";

/** What a message costs beside its payload where bytes are limited, so that many empty ones are not free. */
export const MESSAGE_BYTES = 64;

/** Messages in order, as two lists so that none needs an object of its own. */
export class Lot {
  readonly channels: string[] = [];
  readonly payloads: Uint8Array[] = [];
  /** The sum of the payloads' lengths. */
  bytes = 0;

  add(channel: string, payload: Uint8Array): void {
    this.channels.push(channel);
    this.payloads.push(payload);
    this.bytes += payload.length;
  }

  /** Adds a message unless the lot then costs more than `maxBytes`. */
  tryAdd(channel: string, payload: Uint8Array, maxBytes: number): boolean {
    const costs = this.bytes + payload.length + (this.channels.length + 1) * MESSAGE_BYTES;
    if (costs > maxBytes) return false;
    this.add(channel, payload);
    return true;
  }

  /** Calls `take` with each message, in order. */
  each(take: (channel: string, payload: Uint8Array) => void): void {
    for (const [index, payload] of this.payloads.entries()) take(this.channels[index] ?? "", payload);
  }
}

/** Calls a function once in the next turn of the event loop, however often it was asked to in this one. */
export class Tick {
  readonly #run: () => void;
  #handle: ReturnType<typeof setImmediate> | undefined;

  constructor(run: () => void) {
    this.#run = run;
  }

  schedule(): void {
    this.#handle ??= setImmediate(() => {
      this.#handle = undefined;
      this.#run();
    });
  }

  cancel(): void {
    if (this.#handle) clearImmediate(this.#handle);
    this.#handle = undefined;
  }
}
