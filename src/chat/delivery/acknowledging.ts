import { tell } from "../notice.ts";
import type { Reached } from "../store/mod.ts";
import type { DeliveryContext } from "./delivery_context.ts";
import { type EntryHead, readEntryLine } from "./entry_line.ts";
import { Unacknowledged } from "./unacknowledged.ts";

/** Entries before a cursor that are looked at for what their senders are to be told. */
const MAX_LOOKED_BACK = 256;
const LOOKED_BACK_BYTES = 262_144;

/** Whose acknowledgements they are, in which epoch, and where they begin. */
export interface AcknowledgingOptions {
  readonly user: string;
  readonly device: string;
  readonly epoch: string;
  /** The last entry that the device has acknowledged. */
  readonly acked: number;
}

/**
 * The acknowledgements of one session: stored one at a time, the newest always, those in between never; then the senders of what has
 * arrived are told.
 */
export class Acknowledging {
  readonly #context: DeliveryContext;
  readonly #options: AcknowledgingOptions;
  readonly #sent: Unacknowledged;
  #acked: number;
  /** The stamp of the last entry that was acknowledged, as far as it is known. */
  #stamp: number | undefined;
  #storing: Promise<void> | undefined;

  constructor(context: DeliveryContext, options: AcknowledgingOptions) {
    this.#context = context;
    this.#options = options;
    this.#sent = new Unacknowledged(options.user);
    this.#acked = options.acked;
  }

  /** An entry was sent. */
  sent(head: EntryHead): void {
    this.#sent.add(head);
  }

  /** The client has read up to `inbox`. What it acknowledged before changes nothing. */
  ack(inbox: number, stamp: number | undefined): void {
    if (inbox <= this.#acked) return;
    this.#acked = inbox;
    this.#stamp = stamp;
    this.#storing ??= this.#store(() => Promise.resolve([]));
  }

  /** The client had read up to `inbox` before it came, in an earlier session, which may have ended before it could say so. */
  resume(inbox: number, stamp: number | undefined): void {
    if (inbox <= this.#acked) return;
    const after = Math.max(this.#acked, inbox - MAX_LOOKED_BACK);
    this.#acked = inbox;
    this.#stamp = stamp;
    this.#storing ??= this.#store(() => this.#lookBack(after, inbox));
  }

  /** Resolves when the newest acknowledgement is stored, or could not be. */
  async done(): Promise<void> {
    await this.#storing;
  }

  /** @param before What was delivered before the session began. */
  async #store(before: () => Promise<readonly Reached[]>): Promise<void> {
    const { store, onError } = this.#context;
    const { user, device, epoch } = this.#options;
    try {
      let delivered = await before();
      for (let stored = -1; stored < this.#acked; delivered = []) {
        stored = this.#acked;
        const reached = delivered.concat(this.#sent.take(stored));
        await store.ack(user, device, epoch, stored, reached, this.#stamp);
        this.#tell(reached);
      }
    } catch (error) {
      onError(error, { during: "acknowledge" });
    } finally {
      this.#storing = undefined;
    }
  }

  async #lookBack(after: number, upTo: number): Promise<readonly Reached[]> {
    const { store } = this.#context;
    const { user } = this.#options;
    const limits = { count: upTo - after, bytes: LOOKED_BACK_BYTES };
    const found = new Unacknowledged(user);
    for (const { inbox, line } of await store.readInbox(user, after, limits)) {
      const head = inbox <= upTo ? readEntryLine(line) : undefined;
      if (head) found.add(head);
    }
    return found.take(upTo);
  }

  /** In a pair the other one is told; in a group it can be looked up. */
  #tell(reached: readonly Reached[]): void {
    const { user: name } = this.#options;
    for (const { conversation, seq } of reached) {
      const [first = "", second] = conversation.split(":");
      if (second === undefined) continue;
      const sender = first === name ? second : first;
      tell(this.#context.bus, [sender], { type: "receipt", conversation, name, delivered: seq });
    }
  }
}
