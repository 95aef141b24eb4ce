import type { Book } from "./book.ts";
import type { Announcement } from "./contract.ts";

/** What a reading of the registry found under an id; `unreadable` where it was not an announcement. */
export type Found = ReadonlyMap<string, Announcement | "unreadable">;

/** Durations in milliseconds, for {@linkcode Leases}. */
export interface LeaseTiming {
  /** For how long late readings may still show a server that said goodbye. */
  readonly leaseMs: number;
  /** For how long a server must be missing: one that renews its lease puts back what was lost. */
  readonly renewMs: number;
  /** For how long after the registry came back nobody counts as expired. */
  readonly graceMs: number;
}

interface Sighting {
  /** When it was surely there. */
  seenAt: number;
  /** When a reading first lacked it; undefined while it is there. */
  missingSince: number | undefined;
}

/**
 * Makes one story out of messages, which are quick and may be lost, and readings, which are true and may be old. Pure: times
 * are given, nothing is read here.
 */
export class Leases {
  readonly #book: Book;
  readonly #timing: LeaseTiming;
  readonly #sightings = new Map<string, Sighting>();
  /** Until when readings that show a server that said goodbye are not believed. */
  readonly #farewells = new Map<string, number>();
  #isAway = false;
  #graceUntil = Number.NEGATIVE_INFINITY;

  constructor(book: Book, timing: LeaseTiming) {
    this.#book = book;
    this.#timing = timing;
  }

  /** A message said that a server is there. */
  announced(announcement: Announcement, now: number): void {
    this.#farewells.delete(announcement.id);
    this.#sightings.set(announcement.id, { seenAt: now, missingSince: undefined });
    this.#book.see(announcement);
  }

  /** A message said that a server leaves. */
  saidGoodbye(id: string, now: number): void {
    this.#farewells.set(id, now + this.#timing.leaseMs);
    this.#sightings.delete(id);
    this.#book.leave(id, "goodbye");
  }

  /** The registry cannot be read. */
  away(): void {
    this.#isAway = true;
  }

  /** A reading that was begun at `startedAt` came back. What messages said since then is newer. */
  read(found: Found, startedAt: number, now: number): void {
    if (this.#isAway) this.#graceUntil = now + this.#timing.graceMs;
    this.#isAway = false;
    for (const [id, until] of this.#farewells) if (until <= now) this.#farewells.delete(id);
    for (const [id, announcement] of found) this.#find(id, announcement, startedAt);
    for (const [id, sighting] of this.#sightings) {
      if (!found.has(id) && sighting.seenAt < startedAt) this.#miss(id, sighting, now);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#sightings.clear();
    this.#farewells.clear();
    this.#book.clear();
  }

  #find(id: string, announcement: Announcement | "unreadable", startedAt: number): void {
    const known = this.#sightings.get(id);
    if (this.#farewells.has(id) || (known && known.seenAt >= startedAt)) return;
    if (known || announcement !== "unreadable") {
      this.#sightings.set(id, { seenAt: startedAt, missingSince: undefined });
    }
    if (announcement !== "unreadable") this.#book.see(announcement);
  }

  #miss(id: string, sighting: Sighting, now: number): void {
    sighting.missingSince ??= now;
    if (now < this.#graceUntil || now - sighting.missingSince < this.#timing.renewMs) return;
    this.#sightings.delete(id);
    this.#book.leave(id, "expired");
  }
}
