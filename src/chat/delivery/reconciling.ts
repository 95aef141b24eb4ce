import type { Clock, Timer } from "../../async/mod.ts";
import type { Session } from "../session/session.ts";
import { MAX_PLACES, type Store } from "../store/mod.ts";
import type { Delivery } from "./delivery.ts";

/** How often inboxes are looked at for what was missed, in milliseconds, a fifth more or less. */
const EVERY_MS = 25_000;
/** How soon they are looked at again when that has failed, in milliseconds. */
const RETRY_MS = 1000;
/** The longest until they are looked at because somebody suspects something, in milliseconds. */
const SOON_MS = 500;

/** Options for {@linkcode Reconciling}. */
export interface ReconcilingOptions {
  /** Those that are logged in are looked at. */
  readonly sessions: ReadonlySet<Session>;
  readonly store: Pick<Store, "inboxStates">;
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/**
 * Compares where the sessions stand with the store, now and then and when there is a reason: hints are lost, and history is rolled back,
 * without a word.
 */
export class Reconciling {
  readonly #options: ReconcilingOptions;
  #timer: Timer;
  #soon: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Begins when the one that runs is over: what it found may be of before it was asked for. */
  #next: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ReconcilingOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
  }

  /** Looks at every session. Failures are reported, and it is tried again. */
  now(): Promise<void> {
    if (!this.#running) return this.#start();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  /** Looks at every session within a moment, once for however many ask. */
  soon(): void {
    this.#after(SOON_MS * Math.random());
  }

  /** Ends it; what runs is waited for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer.cancel();
    this.#soon?.cancel();
    await this.#next;
    await this.#running;
  }

  #after(delayMs: number): void {
    if (this.#isClosed) return;
    this.#soon ??= this.#options.clock.after(delayMs, () => {
      this.#soon = undefined;
      // Owned by `#running`, which reports what fails.
      void this.now();
    });
  }

  #schedule(): Timer {
    // Not on all servers at once.
    const delayMs = EVERY_MS * (0.8 + 0.4 * Math.random());
    return this.#options.clock.after(delayMs, () => {
      // Owned by `#running`, which reports what fails.
      void this.now();
      this.#timer = this.#schedule();
    });
  }

  #start(): Promise<void> {
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  #deliveries(): Delivery[] {
    const deliveries: Delivery[] = [];
    for (const { phase } of this.#options.sessions)
      if (phase.name === "online") deliveries.push(phase.delivery);
    return deliveries;
  }

  async #run(): Promise<void> {
    const deliveries = this.#deliveries();
    for (let start = 0; start < deliveries.length && !this.#isClosed; start += MAX_PLACES)
      await this.#look(deliveries.slice(start, start + MAX_PLACES));
  }

  async #look(deliveries: readonly Delivery[]): Promise<void> {
    const places = deliveries.map((delivery) => delivery.look());
    try {
      const findings = await this.#options.store.inboxStates(places);
      const settled = deliveries.map(async (delivery, index) => {
        const place = places[index];
        const finding = findings[index];
        if (place && finding) await delivery.settle(place, finding);
      });
      for (const result of await Promise.allSettled(settled))
        if (result.status === "rejected") this.#failed(result.reason);
      if (findings.some((finding) => !finding || finding.isUncertain)) this.#after(RETRY_MS);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#options.onError(error, { during: "reconcile" });
    this.#after(RETRY_MS);
  }
}
