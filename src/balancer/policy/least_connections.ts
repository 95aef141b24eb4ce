import type { Candidate, Client, Policy } from "../contract.ts";
import { type Due, Heap } from "./heap.ts";

/** Makes up for quotients such as 0.3 / 0.1, which is a little less than 3: each of three factors and four results is rounded by half of an epsilon. */
const ROUNDING = 1 + 4 * Number.EPSILON;

/** A link in the circle of all backends of one load. */
interface Link<B> {
  /** Undefined in the link that begins and ends a circle. */
  readonly backend: B | undefined;
  /** Its whole weight: a ramp that rises leaves the unit of all loads as it is. */
  weight: number;
  /** Undefined while the backend is not available. */
  circle: Circle<B> | undefined;
  before: Link<B>;
  after: Link<B>;
}

/** All available backends of one load, which is when it is due: the one that waits longest is the first. Never without a backend. */
interface Circle<B> extends Due {
  readonly ends: Link<B>;
}

function ownLink<B>(backend: B | undefined, weight: number): Link<B> {
  // A link that points to itself cannot be written down in one go.
  const link = { backend, weight, circle: undefined } as Link<B>;
  link.before = link;
  link.after = link;
  return link;
}

/**
 * The whole steps of `unit` that so many connections come to.
 *
 * Divided at the end, not before it is multiplied: so it is exact for whole weights while `active` times `unit` is less than 10 to the 14th.
 */
function loadOf(active: number, unit: number, { weight, ramp }: Candidate): number {
  return Math.floor(((active * unit) / (weight * ramp)) * ROUNDING);
}

function firstBut<B>({ ends }: Circle<B>, except: ReadonlySet<B>): Link<B> | undefined {
  for (let link = ends.after; link.backend; link = link.after) if (!except.has(link.backend)) return link;
  return undefined;
}

class LeastConnections<B extends Candidate> implements Policy<B> {
  readonly countsConnections = true;
  readonly #links = new Map<B, Link<B>>();
  readonly #circles = new Map<number, Circle<B>>();
  /** The same circles, the least load first. Not a set of bits: weights that are far apart make loads too large for one. */
  readonly #byLoad = new Heap<Circle<B>>();
  /** The largest weight, whatever its ramp. Who has it counts a load of one for each connection, who weighs half as much counts two. */
  #unit = 0;
  #unitIsStale = false;

  add(backend: B): void {
    const link = ownLink(backend, backend.weight);
    this.#links.set(backend, link);
    this.#unitIsStale ||= link.weight > this.#unit;
    this.#place(link, backend);
  }

  remove(backend: B): void {
    const link = this.#links.get(backend);
    if (!link) return;
    this.#leave(link);
    this.#links.delete(backend);
    this.#unitIsStale ||= link.weight >= this.#unit;
  }

  change(backend: B): void {
    const link = this.#links.get(backend);
    if (!link) return;
    if (link.weight !== backend.weight) {
      this.#unitIsStale ||= link.weight >= this.#unit || backend.weight > this.#unit;
      link.weight = backend.weight;
    }
    this.#place(link, backend);
  }

  pick(_client: Client, except: ReadonlySet<B>): B | undefined {
    if (this.#unitIsStale) this.#measureAgain();
    const link = this.#firstBut(except);
    const circle = link?.circle;
    if (link && circle && link.before !== link.after) {
      this.#leave(link);
      this.#join(link, circle);
    }
    return link?.backend;
  }

  #firstBut(except: ReadonlySet<B>): Link<B> | undefined {
    let found: Link<B> | undefined;
    // Seldom any: all backends of such a load have been tried.
    const passed: Circle<B>[] = [];
    for (let circle = this.#byLoad.first; circle; circle = this.#byLoad.first) {
      found = firstBut(circle, except);
      if (found) break;
      this.#byLoad.remove(circle);
      passed.push(circle);
    }
    for (const circle of passed) this.#byLoad.add(circle);
    return found;
  }

  #place(link: Link<B>, backend: B): void {
    const load = backend.available ? loadOf(backend.active, this.#unit, backend) : -1;
    if (load === (link.circle?.due ?? -1)) return;
    this.#leave(link);
    if (load >= 0) this.#join(link, this.#circles.get(load) ?? this.#open(load));
  }

  #open(load: number): Circle<B> {
    const circle: Circle<B> = { due: load, order: 0, place: -1, ends: ownLink<B>(undefined, 0) };
    this.#circles.set(load, circle);
    this.#byLoad.add(circle);
    return circle;
  }

  #join(link: Link<B>, circle: Circle<B>): void {
    const { ends } = circle;
    link.circle = circle;
    link.before = ends.before;
    link.after = ends;
    ends.before.after = link;
    ends.before = link;
  }

  #leave(link: Link<B>): void {
    const { circle, before, after } = link;
    if (!circle) return;
    before.after = after;
    after.before = before;
    link.circle = undefined;
    if (before !== after) return;
    this.#circles.delete(circle.due);
    this.#byLoad.remove(circle);
  }

  #measureAgain(): void {
    this.#unitIsStale = false;
    this.#unit = this.#links.values().reduce((most, link) => Math.max(most, link.weight), 0);
    for (const [backend, link] of this.#links) this.#place(link, backend);
  }
}

/**
 * Picks the one with the fewest connections for its weight; equal ones take turns, the one that waits longest first.
 *
 * A connection weighs more on a backend of less weight, in whole steps of the heaviest backend's. So a burst is spread as
 * evenly as many single clients are, if each is counted before the next is picked.
 */
export function leastConnections<B extends Candidate>(): Policy<B> {
  return new LeastConnections<B>();
}
