import type { Subscription } from "../../bus/mod.ts";
import { stored } from "../account/accounts.ts";
import { frameLine } from "../frame_line.ts";
import { channelOf, type Notice, notify, readPayload } from "../notice.ts";
import { type Cursor, ProtocolError } from "../protocol.ts";
import {
  type DeviceState,
  type InboxEntry,
  type InboxFinding,
  type InboxPlace,
  type OwnEntry,
  readHint,
} from "../store/mod.ts";
import { Acknowledging } from "./acknowledging.ts";
import type { DeliveryContext } from "./delivery_context.ts";
import { Early } from "./early.ts";
import { readEntryLine } from "./entry_line.ts";
import { KnownHistory } from "./known_history.ts";
import { Pump } from "./pump.ts";
import type { Recipient } from "./recipient.ts";
import { findStart, type Start } from "./start.ts";

/**
 * Brings one session what is in its user's inbox: subscribed to the user's channel, with a pump that starts where the device
 * stopped, and starts anew where history was rolled back.
 */
export class Delivery {
  /** Whether the client's own cursor was honored. */
  readonly isResumed: boolean;
  readonly #context: DeliveryContext;
  readonly #recipient: Recipient;
  readonly #subscription: Subscription;
  readonly #resync: Start["resync"];
  #state: DeviceState;
  #pump: Pump;
  #acknowledging: Acknowledging;
  readonly #history: KnownHistory;
  /** The last place that was given out, unless there was a doubt since. */
  #lookedAt: InboxPlace | undefined;
  #rollingBack: Promise<void> | undefined;
  #isOver = false;

  private constructor(
    context: DeliveryContext,
    recipient: Recipient,
    subscription: Subscription,
    state: DeviceState,
    start: Start,
  ) {
    this.isResumed = start.isResumed;
    this.#context = context;
    this.#recipient = recipient;
    this.#subscription = subscription;
    this.#resync = start.resync;
    this.#state = state;
    this.#history = new KnownHistory(state);
    this.#pump = this.#makePump(start);
    this.#acknowledging = this.#makeAcknowledging();
    if (start.isResumed) this.#acknowledging.resume(start.after, start.stamp);
    if (start.resync === "rollback") context.suspect();
  }

  /**
   * Subscribes, notes the login of the device and finds where to go on. Nothing flows until `release()`.
   *
   * @throws {ProtocolError} `unavailable`, with the number of a later login of the device where this one was overtaken: nothing is left
   * behind.
   */
  static async open(
    context: DeliveryContext,
    recipient: Recipient,
    cursor: Cursor | undefined,
  ): Promise<Delivery> {
    const { store, bus, clock } = context;
    const { user, device, attempt } = recipient;
    // First the subscription, then the state: what comes in between is known by both, what was missed by neither.
    const early = new Early();
    let delivery: Delivery | undefined;
    const subscription = await stored(
      bus.subscribe(channelOf(user), (payload) => {
        if (delivery) delivery.#receive(payload);
        else early.add(payload);
      }),
    );
    try {
      const state = await stored(store.openDevice(user, device, clock.wallNow(), attempt));
      if (attempt !== undefined && !state.isRaised) throw overtaken(state.generation);
      const start = await stored(findStart(store, user, state, cursor));
      delivery = new Delivery(context, recipient, subscription, state, start);
    } catch (error) {
      await subscription[Symbol.asyncDispose]();
      throw error;
    }
    notify(bus, user, { type: "replaced", device, generation: delivery.#state.generation });
    for (const payload of early.payloads(delivery.#state.top)) delivery.#receive(payload);
    return delivery;
  }

  /** The inbox as it was found at the login, or after the last rollback. */
  get state(): DeviceState {
    return this.#state;
  }

  /** The number of the last entry that was sent to this session. */
  get sent(): number {
    return this.#pump.sent;
  }

  /** Says where the session stands, to be compared with the store. */
  look(): InboxPlace {
    const { user, device } = this.#recipient;
    this.#lookedAt = { user, device, epoch: this.#state.epoch, ...this.#history.newest };
    return this.#lookedAt;
  }

  /** Lets the messages flow, with a `resync` first where some are gone. */
  release(): void {
    if (this.#resync !== undefined) this.#writeResync(this.#resync);
    this.#pump.release();
  }

  /** The client has taken all that was queued. */
  drained(): void {
    this.#pump.drained();
  }

  /** Sends a frame that may be missed: dropped when the client does not keep up, and before its messages flow. */
  pass(line: Uint8Array): void {
    if (!this.#pump.pass(line)) this.#context.counters.dropped += 1;
  }

  /**
   * The client has read up to `inbox`. What it was not sent, or had acknowledged before, changes nothing.
   *
   * @param epoch Of which history that is: of another one than the session's it changes nothing. Absent: the client does not say.
   * @param stamp That of the entry: it changes nothing where another one is in its place by now. Absent: the client does not say.
   */
  ack(inbox: number, epoch?: string, stamp?: number): void {
    if (epoch !== undefined && epoch !== this.#state.epoch) return;
    if (inbox > this.#pump.sent) return;
    const { newest } = this.#history;
    this.#acknowledging.ack(inbox, stamp ?? (inbox === newest.inbox ? newest.stamp : undefined));
  }

  /** The store has told of an entry, beside its hint and perhaps before that. Sent if it is the next one: so it goes with the answer. */
  told(entry: OwnEntry): void {
    if (this.#isOver || entry.epoch !== this.#state.epoch || entry.inbox !== this.#pump.sent + 1) return;
    this.#pump.hint(entry);
  }

  /**
   * Takes what the store says of the place that `look` gave: entries whose hints were lost come, a session that was replaced ends, and one
   * whose history was rolled back is told so and goes on in the new one. An acknowledgement that could not be stored is stored now.
   *
   * @throws {StoreError}
   */
  async settle(place: InboxPlace, finding: InboxFinding): Promise<void> {
    // What was found of an earlier epoch is of no use when the session has left that one meanwhile.
    if (this.#isOver || place.epoch !== this.#state.epoch) return;
    if (finding.generation > this.#state.generation) this.#recipient.replaced();
    else if (finding.isRolledBack || finding.epoch !== place.epoch) await this.#leaveEpoch(finding.epoch);
    else this.#goOn(place, finding.top);
  }

  /** Ends it: nothing is sent any more, the subscription is given back, the last acknowledgement is stored. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#pump.end();
    await Promise.all([this.#subscription[Symbol.asyncDispose](), this.#acknowledging.done()]);
  }

  #makePump({ after, stamp }: Pick<Start, "after" | "stamp">): Pump {
    const { store, clock, limits, counters, onError, suspect } = this.#context;
    const { link, user } = this.#recipient;
    return new Pump({
      store,
      link,
      user,
      epoch: this.#state.epoch,
      next: after + 1,
      before: after === this.#state.top ? this.#state.stamp : stamp,
      top: this.#state.top,
      maxQueuedFrames: limits.queueFrames,
      clock,
      onSend: (entry) => {
        counters.delivered += 1;
        this.#noteSent(entry);
      },
      onRollback: suspect,
      onError: (error) => onError(error, { during: "deliver" }),
    });
  }

  #makeAcknowledging(): Acknowledging {
    const { user, device } = this.#recipient;
    const { epoch, acked } = this.#state;
    return new Acknowledging(this.#context, { user, device, epoch, acked });
  }

  #noteSent({ inbox, stamp, line }: InboxEntry | OwnEntry): void {
    if (this.#history.sent({ inbox, stamp })) this.#doubt();
    // Nobody is told that what the user has sent has come to the user.
    const head = typeof line === "string" ? undefined : readEntryLine(line);
    if (head) this.#acknowledging.sent(inbox, head);
  }

  /** History may be another one: nothing is sent before somebody has looked, lest an entry of the new one is taken for one of the old one. */
  #doubt(): void {
    this.#lookedAt = undefined;
    this.#pump.hold();
    this.#context.suspect();
  }

  #goOn(place: InboxPlace, top: number): void {
    this.#pump.raise(top);
    this.#acknowledging.again();
    // What was looked at before the doubt has not ended it.
    if (place === this.#lookedAt) this.#pump.release();
  }

  /** The user's other sessions hear of it, too, on whatever server they are. */
  #leaveEpoch(epoch: string): Promise<void> {
    notify(this.#context.bus, this.#recipient.user, { type: "rolled_back", epoch });
    return this.#rollBack();
  }

  #rollBack(): Promise<void> {
    this.#rollingBack ??= this.#startAnew().finally(() => {
      this.#rollingBack = undefined;
    });
    return this.#rollingBack;
  }

  /**
   * Goes on in the new history after what it knows of the device: that is at most what the client has acknowledged, and nothing that
   * was sent since the rollback is before it.
   */
  async #startAnew(): Promise<void> {
    const { store, clock } = this.#context;
    const { user, device } = this.#recipient;
    this.#pump.end();
    await this.#acknowledging.done();
    this.#history.forgetHints();
    const { generation } = this.#state;
    const state = await store.openDevice(user, device, clock.wallNow(), generation);
    if (this.#isOver) return;
    // Whoever is first here: the newer login of the device stays.
    if (state.generation > generation) return this.#recipient.replaced();
    this.#state = state;
    this.#history.begin(state);
    this.#pump = this.#makePump({ after: Math.max(state.floor, Math.min(state.acked, state.top)) });
    this.#acknowledging = this.#makeAcknowledging();
    this.#writeResync("rollback");
    this.#pump.release();
    this.#pump.raise(this.#history.hinted);
  }

  /** The next look at the inbox tries again. */
  #failed(error: unknown): void {
    this.#context.onError(error, { during: "reconcile" });
    this.#context.suspect();
  }

  #writeResync(reason: "trimmed" | "rollback"): void {
    const { epoch } = this.#state;
    const frame = { type: "resync", epoch, inbox: this.#pump.sent, reason } as const;
    this.#recipient.link.write(frameLine(frame));
  }

  #receive(payload: Uint8Array): void {
    if (this.#isOver) return;
    const entry = readHint(payload);
    if (entry) {
      if (this.#history.hint(entry)) this.#doubt();
      this.#pump.hint(entry);
      return;
    }
    const found = readPayload(payload);
    switch (found.kind) {
      case "frame":
        if (found.except !== this.#recipient.id) this.pass(found.line);
        break;
      case "notice":
        this.#receiveNotice(found.notice);
        break;
      case "entry":
        break;
    }
  }

  #receiveNotice(notice: Notice): void {
    switch (notice.type) {
      case "replaced": {
        const isOlder = this.#state.generation < notice.generation;
        if (isOlder && notice.device === this.#recipient.device) this.#recipient.replaced();
        break;
      }
      case "logged_out":
        if (notice.except !== this.#recipient.id) this.#recipient.loggedOut();
        break;
      case "rolled_back":
        // At once: the hint behind it is of the new history.
        if (notice.epoch !== this.#state.epoch) this.#rollBack().catch((error) => this.#failed(error));
        break;
    }
  }
}

function overtaken(attempt: number): ProtocolError {
  return new ProtocolError("unavailable", "another login of this device has that number, or a greater one", {
    attempt,
  });
}
