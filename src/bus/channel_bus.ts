import { withDeadline } from "../async/mod.ts";
import type { Channel } from "../server/mod.ts";
import {
  type Bus,
  type BusHandler,
  type BusOptions,
  MAX_PENDING_BYTES,
  publishError,
  type Subscription,
} from "./contract.ts";
import { BUS_TOPIC, type BusFrame, isBusFrame, unpackLot } from "./frame.ts";
import { Interest } from "./interest.ts";
import { Lot, Tick } from "./lot.ts";
import { Outbox } from "./outbox.ts";

/** Options for {@linkcode channelBus}. */
export interface ChannelBusOptions extends BusOptions {
  /** The longest that subscribing may wait for the parent, in milliseconds. @default {5000} */
  deadlineMs?: number;
}

/**
 * Makes the bus of a child process whose parent attached it to a {@linkcode localBus}. What is published here reaches the
 * handlers here without crossing to the parent.
 *
 * @param channel The channel to the parent; its topic `bus` is ours.
 */
export function channelBus(channel: Channel, options: ChannelBusOptions = {}): Bus {
  return new ChannelBus(channel, options);
}

/** Channels asked for in one tick. */
interface Ask extends PromiseWithResolvers<void> {
  readonly id: number;
  readonly channels: string[];
}

class ChannelBus implements Bus {
  readonly #options: ChannelBusOptions;
  readonly #interest: Interest;
  readonly #maxPendingBytes: number;
  readonly #outbox: Outbox;
  readonly #tick = new Tick(() => this.#flush());
  /** Asked and not answered. */
  readonly #asks = new Map<number, Ask>();
  #nextAsk: Ask | undefined;
  #lastAsk = 0;
  #leaving: string[] = [];
  #own = new Lot();
  #dropped = 0;
  #state: "open" | "broken" | "closed" = "open";

  constructor(channel: Channel, options: ChannelBusOptions) {
    this.#options = options;
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
    this.#outbox = new Outbox(channel, this.#maxPendingBytes);
    this.#interest = new Interest({
      ...options,
      join: (name) => this.#join(name),
      leave: async (name) => this.#leave(name),
    });
    channel.on(BUS_TOPIC, (body) => {
      if (isBusFrame(body)) this.#onFrame(body);
    });
    void channel.closed.then(() => this.#end("broken"));
  }

  get dropped(): number {
    return this.#dropped + this.#outbox.dropped;
  }

  publish(channel: string, payload: Uint8Array): void {
    this.#publish(channel, payload);
  }

  async publishConfirmed(channel: string, payload: Uint8Array): Promise<void> {
    if (this.#publish(channel, payload)) return;
    throw publishError(this.#state === "closed" ? "closed" : "unavailable", channel);
  }

  subscribe(channel: string, handler: BusHandler): Promise<Subscription> {
    return this.#interest.subscribe(channel, handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "closed") return;
    this.#tick.cancel();
    this.#flush();
    this.#outbox.send({ type: "leave", channels: [...this.#interest.channels()] });
    this.#interest.close();
    this.#end("closed");
  }

  /** @returns Whether it is on its way to the parent. */
  #publish(channel: string, payload: Uint8Array): boolean {
    if (this.#state !== "open") {
      this.#dropped += 1;
      return false;
    }
    const isKept = !this.#interest.has(channel) || this.#own.tryAdd(channel, payload, this.#maxPendingBytes);
    if (!isKept) this.#dropped += 1;
    this.#tick.schedule();
    return this.#outbox.add(channel, payload);
  }

  #flush(): void {
    const own = this.#own;
    this.#own = new Lot();
    this.#outbox.flush();
    if (this.#leaving.length > 0) this.#outbox.send({ type: "leave", channels: this.#leaving });
    this.#leaving = [];
    const ask = this.#nextAsk;
    this.#nextAsk = undefined;
    if (ask) this.#outbox.send({ type: "join", ask: ask.id, channels: ask.channels });
    own.each((channel, payload) => this.#interest.deliver(channel, payload));
  }

  #onFrame(frame: BusFrame): void {
    switch (frame.type) {
      case "joined":
        this.#asks.get(frame.ask)?.resolve();
        this.#asks.delete(frame.ask);
        return;
      case "publish":
        unpackLot(frame, (channel, payload) => this.#interest.deliver(channel, payload));
        this.#outbox.acknowledge(frame);
        return;
      case "taken":
        this.#outbox.onTaken(frame.bytes);
        return;
      case "join":
      case "leave":
        return;
    }
  }

  async #join(channel: string): Promise<void> {
    if (this.#state !== "open") throw new Error("the parent process is gone");
    const ask = this.#ask();
    ask.channels.push(channel);
    try {
      await withDeadline(
        ask.promise,
        this.#options.deadlineMs ?? 5000,
        "reach the parent process",
        this.#options.clock,
      );
    } catch (error) {
      this.#leave(channel);
      throw error;
    }
  }

  #ask(): Ask {
    if (this.#nextAsk) return this.#nextAsk;
    this.#lastAsk += 1;
    const ask: Ask = { id: this.#lastAsk, channels: [], ...Promise.withResolvers<void>() };
    this.#asks.set(ask.id, ask);
    this.#nextAsk = ask;
    this.#tick.schedule();
    return ask;
  }

  #leave(channel: string): void {
    if (this.#state !== "open") return;
    this.#leaving.push(channel);
    this.#tick.schedule();
  }

  #end(state: "broken" | "closed"): void {
    if (this.#state !== "closed") this.#state = state;
    for (const ask of this.#asks.values()) ask.reject(new Error("the parent process is gone"));
    this.#asks.clear();
  }
}
