import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import type { AdminState, Backend, BackendChange } from "../pool/backend.ts";
import { MAX_BACKENDS, type Pool } from "../pool/pool.ts";
import { type DiscoveryReport, tooManyError } from "./error.ts";
import {
  backendOf,
  byName,
  difference,
  endDrain,
  isOther,
  Member,
  type MemberSpec,
  nameOf,
  type Place,
} from "./member.ts";
import { Problems } from "./problems.ts";

export type { MemberSpec } from "./member.ts";

/** Options for {@linkcode Membership}. */
export interface MembershipOptions {
  /**
   * How long a backend that no source names any more may keep its connections, in milliseconds; 0 removes it at once. Asked each time
   * where it can change.
   *
   * @default {600000}
   */
  readonly drainMs?: number | (() => number) | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
  /**
   * Told that a backend begins to drain and has to be without connections after `drainMs`, so that they can be closed spread over time.
   * What it returns is disposed when the backend has left, or is wanted again. Must not throw.
   */
  readonly onDrain?: ((backend: Backend, drainMs: number) => Disposable | undefined) | undefined;
  /** Told that a backend was taken out of the pool by us. Connections that it still has are the owner's. Must not throw. */
  readonly onGone?: ((backend: Backend) => void) | undefined;
  /** Told what a pool does not take; what is served stays as it is. @default {ignored} */
  readonly onError?: DiscoveryReport | undefined;
}

/** The source of what an operator has added. */
export const ADMIN_SOURCE = "admin";
const DRAIN_MS = 600_000;
/** How often those that drain are looked at, in milliseconds. */
const SWEEP_MS = 1000;

/**
 * Who belongs to a pool, by all sources together.
 *
 * - A backend is in the pool while a source names it. The values of the source that has named it for the longest time count. A change
 *   of a source changes that very value, so that what an operator has set stays until the source says otherwise.
 * - One that no source names any more takes no new clients and leaves when it has no connections, after `drainMs` at the latest. One
 *   that comes back meanwhile, or that an operator enables, stays; in the latter case the source `admin` names it.
 * - One that an operator has removed, here or from the pool itself, stays out although a source names it, until that source has dropped
 *   it and names it again or says that it is another server. Otherwise the next reading would undo what the operator did.
 * - A name that somebody else has put into the pool is neither changed nor removed, and reported once.
 * - At most {@linkcode MAX_BACKENDS} names; those beyond are reported and ignored until there is room and they are named again.
 *
 * Disposing leaves the pool as it is.
 */
export class Membership implements Disposable {
  /** The pool whose members these are. */
  readonly pool: Pool;
  readonly #options: MembershipOptions;
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();
  readonly #draining = new Set<Member>();
  readonly #problems: Problems;
  readonly #watch: Disposable;
  #timer: Timer | undefined;

  constructor(pool: Pool, options: MembershipOptions = {}) {
    this.pool = pool;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#problems = new Problems(options.onError);
    this.#watch = pool.watch({ onRemove: (backend) => this.#onRemoved(backend) });
  }

  /**
   * Takes the whole view of a source: whom it does not name it names no longer. Of specs with one name the first counts. What cannot be
   * is reported, never thrown.
   *
   * @param source Shown as the backend's `source`.
   */
  update(source: string, specs: Iterable<MemberSpec>): void {
    // One more than there is room for, which is then reported.
    const view = byName(specs, MAX_BACKENDS + 1);
    for (const member of this.#members.values()) if (!view.has(member.name)) this.#unsay(source, member);
    for (const [name, spec] of view) this.#say(source, name, spec);
    this.#problems.report();
  }

  /** Takes one backend of a source; the others stay as they are. As {@linkcode update} for the rest. */
  put(source: string, spec: MemberSpec): void {
    this.#say(source, nameOf(spec), spec);
    this.#problems.report();
  }

  /** Notes that a source names a backend no longer. */
  drop(source: string, name: string): void {
    const member = this.#members.get(name);
    if (member) this.#unsay(source, member);
    this.#problems.report();
  }

  /**
   * Adds a backend for an operator, also one that the operator has removed before, or that drains.
   *
   * @throws {RangeError} As {@linkcode Pool.add}; nothing is changed then.
   */
  add(spec: MemberSpec): Backend {
    const name = nameOf(spec);
    const known = this.#members.get(name);
    const member = known ?? new Member(name);
    const { place } = member;
    // The pool refuses one that it has.
    const { backend } =
      place.name === "draining" ? place : this.#enter(member, { ...spec, source: ADMIN_SOURCE });
    if (!known) this.#members.set(name, member);
    member.say(ADMIN_SOURCE, spec);
    this.#settle(member);
    this.#problems.report();
    return this.pool.find(name) ?? backend;
  }

  /**
   * Removes a backend for an operator, in spite of the sources that name it.
   *
   * @param drainMs How long it may keep its connections, in milliseconds; with 0 it leaves the pool at once.
   * @returns The backend; undefined when the pool has none of that name.
   */
  remove(name: string, drainMs: number = this.#drainMs): Backend | undefined {
    const backend = this.pool.find(name);
    const member = this.#members.get(name);
    if (backend && member && backendOf(member.place) === backend) {
      member.mute();
      member.unsay(ADMIN_SOURCE);
      this.#drain(member, drainMs);
    } else if (backend) {
      this.pool.remove(name);
      this.#options.onGone?.(backend);
    }
    return backend;
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { place } of this.#draining) endDrain(place);
    this.#draining.clear();
    this.#members.clear();
  }

  get #drainMs(): number {
    const { drainMs = DRAIN_MS } = this.#options;
    return typeof drainMs === "number" ? drainMs : drainMs();
  }

  #say(source: string, name: string, spec: MemberSpec): void {
    let member = this.#members.get(name);
    if (!member && this.#members.size >= MAX_BACKENDS) {
      this.#problems.note(tooManyError(source), `discover ${name}`);
      return;
    }
    member ??= new Member(name);
    this.#members.set(name, member);
    member.say(source, spec);
    this.#settle(member);
  }

  #unsay(source: string, member: Member): void {
    if (member.unsay(source)) this.#settle(member);
  }

  /** Brings the place of a name in line with what is said of it. */
  #settle(member: Member): void {
    const { place, wanted } = member;
    switch (place.name) {
      case "out":
        if (wanted) this.#tryEnter(member, wanted);
        else if (member.isUnnamed) this.#members.delete(member.name);
        return;
      case "in":
        if (wanted) this.#follow(member, place, wanted);
        else this.#drain(member, this.#drainMs);
        return;
      case "draining":
        if (wanted) this.#follow(member, place, wanted);
        return;
    }
  }

  #tryEnter(member: Member, wanted: MemberSpec): void {
    const known = member.place.name === "out" ? member.place.problem : undefined;
    try {
      this.#enter(member, wanted);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      member.place = { name: "out", problem };
      if (problem !== known) this.#problems.note(error, `discover ${member.name}`);
    }
  }

  /** @throws {RangeError} As {@linkcode Pool.add}. */
  #enter(member: Member, spec: MemberSpec): Place & { readonly name: "in" } {
    const place = { name: "in", backend: this.pool.add(spec), spec } as const;
    member.place = place;
    return place;
  }

  /** Applies what has changed since the last time, and takes back a drain. */
  #follow(member: Member, place: Place & { readonly name: "in" | "draining" }, wanted: MemberSpec): void {
    const { backend, spec } = place;
    if (isOther(spec, wanted)) {
      this.#takeOut(member);
      this.#tryEnter(member, wanted);
      return;
    }
    let change: BackendChange = difference(spec, wanted);
    if (place.name === "draining") {
      this.#draining.delete(member);
      endDrain(place);
      // Not where an operator wanted something else of it, before or meanwhile.
      if (place.before === "enabled" && backend.admin === "draining")
        change = { ...change, admin: wanted.admin ?? "enabled" };
    }
    member.place = { name: "in", backend, spec: wanted };
    if (Object.keys(change).length === 0) return;
    try {
      this.pool.change(member.name, change);
    } catch (error) {
      this.#problems.note(error, `discover ${member.name}`);
    }
  }

  #drain(member: Member, drainMs: number): void {
    const { place } = member;
    if (place.name === "out") return;
    const { backend, spec } = place;
    if (drainMs <= 0 || backend.active === 0) {
      this.#leave(member);
      if (backend.active > 0) this.#options.onDrain?.(backend, 0);
      return;
    }
    endDrain(place);
    const before: AdminState = place.name === "draining" ? place.before : backend.admin;
    if (backend.admin === "enabled") this.pool.change(member.name, { admin: "draining" });
    const until = this.#clock.now() + drainMs;
    const drain = this.#options.onDrain?.(backend, drainMs);
    member.place = { name: "draining", backend, spec, before, until, drain };
    this.#draining.add(member);
    this.#timer ??= this.#clock.after(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const member of this.#draining) {
      const { place } = member;
      if (place.name !== "draining") continue;
      if (place.backend.active === 0 || place.until <= now) this.#leave(member);
      else if (place.backend.admin === "enabled") this.#say(ADMIN_SOURCE, member.name, place.spec);
    }
    this.#timer = undefined;
    if (this.#draining.size > 0) this.#timer = this.#clock.after(SWEEP_MS, () => this.#sweep());
    this.#problems.report();
  }

  #leave(member: Member): void {
    this.#takeOut(member);
    if (member.isUnnamed) this.#members.delete(member.name);
  }

  #takeOut(member: Member): void {
    const backend = this.#vacate(member);
    if (!backend) return;
    this.pool.remove(member.name);
    this.#options.onGone?.(backend);
  }

  /** Somebody took a backend out of the pool. When it was us, its place is another one already. */
  #onRemoved(backend: Backend): void {
    const member = this.#members.get(backend.name);
    if (!member || backendOf(member.place) !== backend) return;
    this.#vacate(member);
    member.mute();
    member.unsay(ADMIN_SOURCE);
    if (member.isUnnamed) this.#members.delete(member.name);
  }

  #vacate(member: Member): Backend | undefined {
    const { place } = member;
    endDrain(place);
    this.#draining.delete(member);
    member.place = { name: "out" };
    return backendOf(place);
  }
}
