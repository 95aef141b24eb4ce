import { Buffer } from "node:buffer";
import type { Clock } from "../async/mod.ts";
import type { Bus, Subscription } from "../bus/mod.ts";
import { stored } from "./accounts.ts";
import type { ChatLimits } from "./limits.ts";
import type { Link } from "./link.ts";
import type { Cursor } from "./protocol.ts";
import { encodeFrame } from "./protocol.ts";
import { Pump } from "./pump.ts";
import { type DeviceState, inboxOfLine, type Store } from "./store/mod.ts";

/** What a server needs to deliver. */
export interface DeliveryContext {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: ChatLimits;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** The session that a delivery is for. */
export interface Recipient {
  readonly user: string;
  readonly device: string;
  readonly link: Link;
  /** A newer login of the same device has come, here or on another server. */
  replaced(): void;
  /** The user has ended all sessions. */
  loggedOut(): void;
}

/** What servers tell each other on a user's channel beside the lines of messages. */
type Notice =
  | { readonly type: "replaced"; readonly device: string; readonly generation: number }
  | { readonly type: "logged_out" };

/**
 * Brings one session what is in its user's inbox: subscribed to the user's channel, with a pump that starts where the device
 * stopped.
 */
export class Delivery {
  /** Where the inbox stood at the login. */
  readonly state: DeviceState;
  /** Whether the client's own cursor was honored. */
  readonly isResumed: boolean;
  readonly #context: DeliveryContext;
  readonly #recipient: Recipient;
  readonly #subscription: Subscription;
  readonly #pump: Pump;
  readonly #resync: "trimmed" | "rollback" | undefined;
  #acked: number;
  #isAcking = false;
  #acknowledging: Promise<void> = Promise.resolve();

  private constructor(
    context: DeliveryContext,
    recipient: Recipient,
    subscription: Subscription,
    state: DeviceState,
    start: Start,
  ) {
    this.state = state;
    this.isResumed = start.isResumed;
    this.#context = context;
    this.#recipient = recipient;
    this.#subscription = subscription;
    this.#resync = start.resync;
    this.#acked = state.acked;
    this.#pump = new Pump({
      store: context.store,
      link: recipient.link,
      user: recipient.user,
      epoch: state.epoch,
      next: start.after + 1,
      top: state.top,
      maxQueuedFrames: context.limits.queueFrames,
      clock: context.clock,
      onError: (error) => context.onError(error, { during: "deliver" }),
    });
    if (start.isResumed) this.ack(start.after);
  }

  /**
   * Subscribes, notes the login of the device and finds where to go on. Nothing flows until `release()`.
   *
   * @throws {ProtocolError} `unavailable`: nothing is left behind.
   */
  static async open(
    context: DeliveryContext,
    recipient: Recipient,
    cursor: Cursor | undefined,
  ): Promise<Delivery> {
    const { store, bus, clock } = context;
    const { user, device } = recipient;
    // First the subscription, then the state: what comes in between is known by both, what was missed by neither.
    const early: Uint8Array[] = [];
    let delivery: Delivery | undefined;
    const subscription = await stored(
      bus.subscribe(`user:${user}`, (payload) => {
        if (delivery) delivery.#receive(payload);
        else early.push(payload);
      }),
    );
    try {
      const state = await stored(store.openDevice(user, device, clock.wallNow()));
      const start = await stored(findStart(store, user, state, cursor));
      delivery = new Delivery(context, recipient, subscription, state, start);
    } catch (error) {
      await subscription[Symbol.asyncDispose]();
      throw error;
    }
    notify(bus, user, { type: "replaced", device, generation: delivery.state.generation });
    for (const payload of early) delivery.#receive(payload);
    return delivery;
  }

  /** The number of the last entry that was sent to this session. */
  get sent(): number {
    return this.#pump.sent;
  }

  /** Lets the messages flow, with a `resync` first where some are gone. */
  release(): void {
    if (this.#resync !== undefined) {
      const { epoch } = this.state;
      this.#recipient.link.write(
        encodeFrame({ type: "resync", epoch, inbox: this.#pump.sent, reason: this.#resync }),
      );
    }
    this.#pump.release();
  }

  /** The client has taken all that was queued. */
  drained(): void {
    this.#pump.drained();
  }

  /** Looks whether the inbox has entries whose hints were lost. @throws {StoreError} */
  async reconcile(): Promise<void> {
    const { top } = await this.#context.store.inboxState(this.#recipient.user);
    this.#pump.raise(top);
  }

  /** The client has read up to `inbox`. What it was not sent, or had acknowledged before, changes nothing. */
  ack(inbox: number): void {
    if (inbox > this.#pump.sent || inbox <= this.#acked) return;
    this.#acked = inbox;
    if (!this.#isAcking) this.#acknowledging = this.#acknowledge();
  }

  /** Ends it: nothing is sent any more, the subscription is given back, the last acknowledgement is stored. */
  async close(): Promise<void> {
    this.#pump.end();
    await Promise.all([this.#subscription[Symbol.asyncDispose](), this.#acknowledging]);
  }

  /** Stores the newest acknowledgement, and again if a newer one came meanwhile: one at a time, the ones between are skipped. */
  async #acknowledge(): Promise<void> {
    const { store, onError } = this.#context;
    const { user, device } = this.#recipient;
    this.#isAcking = true;
    try {
      for (let stored = -1; stored < this.#acked; ) {
        stored = this.#acked;
        await store.ack(user, device, this.state.epoch, stored);
      }
    } catch (error) {
      onError(error, { during: "acknowledge" });
    } finally {
      this.#isAcking = false;
    }
  }

  #receive(payload: Uint8Array): void {
    const inbox = inboxOfLine(payload);
    if (inbox !== undefined) this.#pump.hint(inbox, payload);
    else this.#receiveNotice(JSON.parse(Buffer.from(payload).toString()) as Notice);
  }

  #receiveNotice(notice: Notice): void {
    switch (notice.type) {
      case "replaced": {
        const isOlder = this.state.generation < notice.generation;
        if (isOlder && notice.device === this.#recipient.device) this.#recipient.replaced();
        break;
      }
      case "logged_out":
        this.#recipient.loggedOut();
        break;
    }
  }
}

function notify(bus: Bus, user: string, notice: Notice): void {
  bus.publish(`user:${user}`, Buffer.from(JSON.stringify(notice)));
}

/** Tells every session of a user, on every server, that it is over. */
export function notifyLoggedOut(bus: Bus, user: string): void {
  notify(bus, user, { type: "logged_out" });
}

/** Where a session goes on, and what to say if that is not where the client was. */
interface Start {
  readonly after: number;
  readonly isResumed: boolean;
  readonly resync: "trimmed" | "rollback" | undefined;
}

async function findStart(
  store: Store,
  user: string,
  state: DeviceState,
  cursor: Cursor | undefined,
): Promise<Start> {
  const after = Math.max(state.acked, state.floor);
  if (!cursor) return { after, isResumed: false, resync: state.acked < state.floor ? "trimmed" : undefined };
  const { inbox, stamp, epoch } = cursor;
  if (epoch === state.epoch && inbox < state.floor)
    return { after: state.floor, isResumed: false, resync: "trimmed" };
  const isKnown =
    epoch === state.epoch && inbox <= state.top && (await hasStamp(store, user, state, inbox, stamp));
  if (isKnown) return { after: inbox, isResumed: true, resync: undefined };
  return { after, isResumed: false, resync: "rollback" };
}

/** Whether entry `inbox` is the one the client saw. At the floor, which is 0 for a whole inbox, there is none to compare. */
async function hasStamp(
  store: Store,
  user: string,
  state: DeviceState,
  inbox: number,
  stamp: number,
): Promise<boolean> {
  if (inbox === state.floor) return true;
  const [entry] = await store.readInbox(user, inbox - 1, { count: 1, bytes: 1 });
  return entry?.inbox === inbox && entry.stamp === stamp;
}
