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
 * arrived are told. What could not be stored is stored with the next one, or when it is asked for again.
 */
export class Acknowledging {
  readonly #context: DeliveryContext;
  readonly #options: AcknowledgingOptions;
  readonly #sent: Unacknowledged;
  #acked: number;
  /** The stamp of the last entry that was acknowledged, as far as it is known. */
  #stamp: number | undefined;
  #stored: number;
  /** The entries among which it has to be looked for what was delivered before the session began. */
  #before: { readonly after: number; readonly upTo: number } | undefined;
  /** How far conversations have been delivered, by what is acknowledged and not stored. */
  readonly #owed = new Map<string, number>();
  #storing: Promise<void> | undefined;

  constructor(context: DeliveryContext, options: AcknowledgingOptions) {
    this.#context = context;
    this.#options = options;
    this.#sent = new Unacknowledged(options.user);
    this.#acked = options.acked;
    this.#stored = options.acked;
  }

  /** An entry was sent. */
  sent(inbox: number, head: EntryHead): void {
    this.#sent.add(inbox, head);
  }

  /** The client has read up to `inbox`. What is stored of it already changes nothing. */
  ack(inbox: number, stamp: number | undefined): void {
    if (inbox < this.#acked) return;
    this.#acked = inbox;
    this.#stamp = stamp;
    this.again();
  }

  /** The client had read up to `inbox` before it came, in an earlier session, which may have ended before it could say so. */
  resume(inbox: number, stamp: number | undefined): void {
    if (inbox > this.#acked)
      this.#before = { after: Math.max(this.#acked, inbox - MAX_LOOKED_BACK), upTo: inbox };
    this.ack(inbox, stamp);
  }

  /** Stores what is not stored yet. */
  again(): void {
    if (this.#stored < this.#acked) this.#storing ??= this.#store();
  }

  /** Resolves when the newest acknowledgement is stored, or could not be. */
  async done(): Promise<void> {
    await this.#storing;
  }

  async #store(): Promise<void> {
    const { store, onError } = this.#context;
    const { user, device, epoch } = this.#options;
    try {
      if (this.#before) this.#owe(await this.#lookBack(this.#before.after, this.#before.upTo));
      this.#before = undefined;
      while (this.#stored < this.#acked) {
        const acked = this.#acked;
        this.#owe(this.#sent.take(acked));
        const reached = Array.from(this.#owed, ([conversation, seq]) => ({ conversation, seq }));
        await store.ack(user, device, epoch, acked, reached, this.#stamp);
        this.#stored = acked;
        this.#owed.clear();
        this.#tell(reached);
      }
    } catch (error) {
      onError(error, { during: "acknowledge" });
    } finally {
      this.#storing = undefined;
    }
  }

  #owe(reached: readonly Reached[]): void {
    for (const { conversation, seq } of reached) this.#owed.set(conversation, seq);
  }

  async #lookBack(after: number, upTo: number): Promise<readonly Reached[]> {
    const { store } = this.#context;
    const { user } = this.#options;
    const limits = { count: upTo - after, bytes: LOOKED_BACK_BYTES };
    const found = new Unacknowledged(user);
    for (const { inbox, line } of await store.readInbox(user, after, limits)) {
      const head = inbox <= upTo ? readEntryLine(line) : undefined;
      if (head) found.add(inbox, head);
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
