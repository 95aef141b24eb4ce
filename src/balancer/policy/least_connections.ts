import type { Candidate, Client, Policy } from "../contract.ts";
import { NumberSet } from "./number_set.ts";

/** Loads from here on count as equal. */
const MAX_LOAD = 1_000_000;

/** A link in the circle of all backends of one load. */
interface Link<B> {
  /** Undefined in the link that begins and ends a circle. */
  readonly backend: B | undefined;
  /** Its whole weight: a ramp that rises leaves the unit of all loads as it is. */
  weight: number;
  /** -1 while in no circle. */
  load: number;
  before: Link<B>;
  after: Link<B>;
}

function ownLink<B>(backend: B | undefined, weight: number): Link<B> {
  // A link that points to itself cannot be written down in one go.
  const link = { backend, weight, load: -1 } as Link<B>;
  link.before = link;
  link.after = link;
  return link;
}

/** The small part makes up for quotients such as 0.3 / 0.1, which is a little less than 3. */
function loadOf(active: number, each: number): number {
  return Math.min(MAX_LOAD, Math.floor(active * each + 1e-9));
}

class LeastConnections<B extends Candidate> implements Policy<B> {
  readonly countsConnections = true;
  readonly #links = new Map<B, Link<B>>();
  /** By load; only those that have a backend in them. The one that waits longest is the first. */
  readonly #circles = new Map<number, Link<B>>();
  readonly #loads = new NumberSet();
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
    for (let load = this.#loads.next(0); load >= 0; load = this.#loads.next(load + 1)) {
      const circle = this.#circles.get(load);
      for (let link = circle?.after; link?.backend; link = link.after) {
        if (except.has(link.backend)) continue;
        const isAlone = link.before === link.after;
        if (!isAlone) {
          this.#leave(link);
          this.#join(link, load);
        }
        return link.backend;
      }
    }
    return undefined;
  }

  #place(link: Link<B>, backend: B): void {
    const load = backend.available ? loadOf(backend.active, this.#unit / (link.weight * backend.ramp)) : -1;
    if (load === link.load) return;
    this.#leave(link);
    if (load >= 0) this.#join(link, load);
  }

  #join(link: Link<B>, load: number): void {
    let circle = this.#circles.get(load);
    if (!circle) {
      circle = ownLink<B>(undefined, 0);
      this.#circles.set(load, circle);
      this.#loads.add(load);
    }
    link.load = load;
    link.before = circle.before;
    link.after = circle;
    circle.before.after = link;
    circle.before = link;
  }

  #leave(link: Link<B>): void {
    const { load, before, after } = link;
    if (load < 0) return;
    before.after = after;
    after.before = before;
    link.load = -1;
    if (before !== after || before.backend) return;
    this.#circles.delete(load);
    this.#loads.delete(load);
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
