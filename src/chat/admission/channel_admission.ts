import { setImmediate } from "node:timers";
import type { Channel } from "../../server/mod.ts";
import type { Admission, Guest } from "./admission.ts";
import { ADMISSION_TOPIC, type AdmissionFrame } from "./frame.ts";

/** When a client is to ask again whose parent is gone, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Makes the admission of a child whose parent attached it to an {@linkcode admissionHub}. A connection is counted there, so one too
 * many is served for a moment before it is refused. What moves in one turn goes as one message.
 *
 * @param channel The channel to the parent; its topic `admission` is ours.
 */
export function channelAdmission(channel: Channel): Admission {
  return new OverChannel(channel);
}

class OverChannel implements Admission {
  readonly #channel: Channel;
  readonly #numbers = new Map<Guest, number>();
  readonly #guests = new Map<number, Guest>();
  readonly #refused = new Set<number>();
  readonly #asked = new Map<number, (waitMs: number) => void>();
  #entered: [number, string][] = [];
  #left: number[] = [];
  #lastNumber = 0;
  #elsewhere = 0;
  #isScheduled = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.on(ADMISSION_TOPIC, (body) => this.#receive(body as AdmissionFrame));
    void channel.closed.then(() => {
      for (const resolve of this.#asked.values()) resolve(RETRY_MS);
    });
  }

  get elsewhere(): number {
    return this.#elsewhere;
  }

  get refused(): number {
    return this.#refused.size;
  }

  enter(guest: Guest): void {
    this.#lastNumber += 1;
    this.#numbers.set(guest, this.#lastNumber);
    this.#guests.set(this.#lastNumber, guest);
    this.#entered.push([this.#lastNumber, guest.link.host]);
    this.#schedule();
  }

  leave(guest: Guest): void {
    const number = this.#numbers.get(guest);
    if (number === undefined) return;
    this.#numbers.delete(guest);
    this.#guests.delete(number);
    this.#refused.delete(number);
    this.#left.push(number);
    this.#schedule();
  }

  async registerWaitMs(host: string): Promise<number> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#asked.set(number, resolve);
    try {
      return this.#tell({ type: "register", number, host }) ? await promise : RETRY_MS;
    } finally {
      this.#asked.delete(number);
    }
  }

  /** The parent's work. */
  sweep(): void {
    return;
  }

  #receive(frame: AdmissionFrame): void {
    switch (frame.type) {
      case "refused":
        this.#refuse(frame);
        return;
      case "wait":
        this.#asked.get(frame.number)?.(frame.waitMs);
        return;
      case "elsewhere":
        this.#elsewhere = frame.count;
        return;
      case "moved":
      case "register":
        return;
    }
  }

  #refuse({ number, message }: Extract<AdmissionFrame, { type: "refused" }>): void {
    const guest = this.#guests.get(number);
    if (!guest) return;
    this.#refused.add(number);
    if (message === undefined) guest.link.abort();
    else guest.refuse(message);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#tell({ type: "moved", entered: this.#entered, left: this.#left });
      this.#entered = [];
      this.#left = [];
    });
  }

  /** What cannot be sent is to a parent that is gone, which the channel tells. */
  #tell(frame: AdmissionFrame): boolean {
    return this.#channel.send(ADMISSION_TOPIC, frame);
  }
}
