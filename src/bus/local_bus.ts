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

/** The bus of one machine: its hub, and a bus for the process that it is in. */
export interface LocalBus extends Bus {
  /**
   * @internal Serves a child over its channel, on the topic `bus`, until that breaks: then its interest is forgotten. A child that does
   * not take in what is sent to it loses messages, but costs the others nothing.
   */
  attach(channel: Channel): void;
  /** How many children are served. */
  readonly children: number;
}

/**
 * Makes a bus for this process and its children; they use {@linkcode channelBus}. It needs no broker, so subscribing here
 * never fails, and a channel is left at once.
 *
 * @example Two parts of one process
 * ```ts
 * import assert from "node:assert/strict";
 * import { localBus } from "chorus";
 *
 * await using bus = localBus();
 * const heard = Promise.withResolvers<string>();
 * await using _ = await bus.subscribe("user:ada", (payload) => heard.resolve(new TextDecoder().decode(payload)));
 * bus.publish("user:ada", new TextEncoder().encode("hello"));
 * assert.equal(await heard.promise, "hello");
 * ```
 */
export function localBus(options: BusOptions = {}): LocalBus {
  return new Hub(options);
}

interface Child {
  readonly outbox: Outbox;
  readonly channels: Set<string>;
}

class Hub implements LocalBus {
  readonly #interest: Interest;
  readonly #maxPendingBytes: number;
  readonly #children = new Set<Child>();
  readonly #interested = new Map<string, Set<Child>>();
  /** Children with something to send in this tick. */
  readonly #busy = new Set<Child>();
  readonly #tick = new Tick(() => this.#flush());
  #own = new Lot();
  #dropped = 0;
  #isClosed = false;

  constructor(options: BusOptions) {
    const nothing = async (): Promise<void> => undefined;
    this.#interest = new Interest({ ...options, join: nothing, leave: nothing, lingerMs: 0 });
    this.#maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
  }

  get dropped(): number {
    let dropped = this.#dropped;
    for (const child of this.#children) dropped += child.outbox.dropped;
    return dropped;
  }

  get children(): number {
    return this.#children.size;
  }

  publish(channel: string, payload: Uint8Array): void {
    if (this.#isClosed) this.#dropped += 1;
    else this.#route(channel, payload, undefined);
  }

  async publishConfirmed(channel: string, payload: Uint8Array): Promise<void> {
    this.publish(channel, payload);
    if (this.#isClosed) throw publishError("closed", channel);
  }

  subscribe(channel: string, handler: BusHandler): Promise<Subscription> {
    return this.#interest.subscribe(channel, handler);
  }

  attach(channel: Channel): void {
    const child: Child = { outbox: new Outbox(channel, this.#maxPendingBytes), channels: new Set() };
    this.#children.add(child);
    channel.on(BUS_TOPIC, (body) => {
      if (isBusFrame(body) && !this.#isClosed) this.#onFrame(child, body);
    });
    void channel.closed.then(() => this.#detach(child));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tick.cancel();
    this.#flush();
    this.#isClosed = true;
    this.#interest.close();
    for (const child of this.#children) this.#detach(child);
  }

  #route(channel: string, payload: Uint8Array, from: Child | undefined): void {
    if (this.#interest.has(channel)) {
      if (!this.#own.tryAdd(channel, payload, this.#maxPendingBytes)) this.#dropped += 1;
      this.#tick.schedule();
    }
    const children = this.#interested.get(channel);
    if (!children) return;
    for (const child of children) {
      // A child calls its own handlers itself.
      if (child === from) continue;
      child.outbox.add(channel, payload);
      this.#busy.add(child);
      this.#tick.schedule();
    }
  }

  #flush(): void {
    const own = this.#own;
    this.#own = new Lot();
    const busy = [...this.#busy];
    this.#busy.clear();
    for (const child of busy) child.outbox.flush();
    own.each((channel, payload) => this.#interest.deliver(channel, payload));
  }

  #onFrame(child: Child, frame: BusFrame): void {
    switch (frame.type) {
      case "join":
        for (const channel of frame.channels) this.#join(child, channel);
        child.outbox.send({ type: "joined", ask: frame.ask });
        return;
      case "leave":
        for (const channel of frame.channels) this.#leave(child, channel);
        return;
      case "publish":
        unpackLot(frame, (channel, payload) => this.#route(channel, payload, child));
        child.outbox.acknowledge(frame);
        return;
      case "taken":
        child.outbox.onTaken(frame.bytes);
        return;
      case "joined":
        return;
    }
  }

  #join(child: Child, channel: string): void {
    child.channels.add(channel);
    const children = this.#interested.get(channel) ?? new Set();
    this.#interested.set(channel, children.add(child));
  }

  #leave(child: Child, channel: string): void {
    child.channels.delete(channel);
    const children = this.#interested.get(channel);
    children?.delete(child);
    if (children?.size === 0) this.#interested.delete(channel);
  }

  #detach(child: Child): void {
    if (!this.#children.delete(child)) return;
    this.#dropped += child.outbox.dropped;
    this.#busy.delete(child);
    for (const channel of child.channels) this.#leave(child, channel);
  }
}
