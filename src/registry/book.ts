import { isSame } from "./announcement.ts";
import type { Announcement, RegistryErrorReport, RegistryHandler } from "./contract.ts";

/** So many that have expired are remembered, to be reported as changed when they are seen again. */
const MAX_EXPIRED = 1000;

/** Who is there as far as this process knows, and who wants to be told. Pure bookkeeping: it neither reads nor waits. */
export class Book {
  readonly #there = new Map<string, Announcement>();
  readonly #expired = new Set<string>();
  readonly #handlers = new Set<{ readonly handler: RegistryHandler }>();
  readonly #onError: RegistryErrorReport | undefined;

  constructor(onError: RegistryErrorReport | undefined) {
    this.#onError = onError;
  }

  /** How many want to be told. */
  get watchers(): number {
    return this.#handlers.size;
  }

  /**
   * Tells a handler who is there, and from now on every change.
   *
   * @returns Ends it.
   */
  watch(handler: RegistryHandler): () => void {
    const watcher = { handler };
    this.#handlers.add(watcher);
    for (const announcement of this.#there.values()) this.#tell(handler, (told) => told.joined(announcement));
    return () => void this.#handlers.delete(watcher);
  }

  /** Notes that a server is there. */
  see(announcement: Announcement): void {
    const { id } = announcement;
    const known = this.#there.get(id);
    if (known && isSame(known, announcement)) return;
    this.#there.set(id, announcement);
    const isKnown = known !== undefined || this.#expired.delete(id);
    this.#tellAll((handler) => (isKnown ? handler.changed(announcement) : handler.joined(announcement)));
  }

  /** Notes that a server is gone; one that has expired can still say goodbye. */
  leave(id: string, reason: "goodbye" | "expired"): void {
    const wasThere = this.#there.delete(id);
    const wasExpired = this.#expired.delete(id);
    if (!wasThere && !wasExpired) return;
    if (reason === "expired") this.#remember(id);
    if (wasThere || reason === "goodbye") this.#tellAll((handler) => handler.left(id, reason));
  }

  /** Forgets all servers, without telling. */
  clear(): void {
    this.#there.clear();
    this.#expired.clear();
  }

  /** Forgets everything; nobody is told anything more. */
  close(): void {
    this.#handlers.clear();
    this.clear();
  }

  #remember(id: string): void {
    this.#expired.add(id);
    const [oldest] = this.#expired;
    if (this.#expired.size > MAX_EXPIRED && oldest !== undefined) this.#expired.delete(oldest);
  }

  #tellAll(call: (handler: RegistryHandler) => void): void {
    for (const { handler } of this.#handlers) this.#tell(handler, call);
  }

  #tell(handler: RegistryHandler, call: (handler: RegistryHandler) => void): void {
    try {
      call(handler);
    } catch (error) {
      this.#onError?.(error instanceof Error ? error : new Error(String(error)), { during: "handler" });
    }
  }
}
