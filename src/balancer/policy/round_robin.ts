import type { Candidate, Client, Policy } from "../contract.ts";
import { NumberSet } from "./number_set.ts";

/** The places of the removed are given up once they are more than the others and this many. */
const SPARE_PLACES = 32;

class RoundRobin<B extends Candidate> implements Policy<B> {
  readonly countsConnections = false;
  #order: (B | undefined)[] = [];
  #places = new Map<B, number>();
  #open = new NumberSet();
  #turn = 0;

  add(backend: B): void {
    this.#places.set(backend, this.#order.length);
    this.#order.push(backend);
    this.change(backend);
  }

  remove(backend: B): void {
    const place = this.#places.get(backend);
    if (place === undefined) return;
    this.#places.delete(backend);
    this.#order[place] = undefined;
    this.#open.delete(place);
    if (this.#order.length > 2 * this.#places.size + SPARE_PLACES) this.#closeGaps();
  }

  change(backend: B): void {
    const place = this.#places.get(backend);
    if (place === undefined) return;
    if (backend.available) this.#open.add(place);
    else this.#open.delete(place);
  }

  pick(_client: Client, except: ReadonlySet<B>): B | undefined {
    let place = this.#next(this.#turn);
    for (let passed = 0; passed <= except.size && place >= 0; passed++) {
      const backend = this.#order[place];
      if (backend && !except.has(backend)) {
        this.#turn = place + 1;
        return backend;
      }
      place = this.#next(place + 1);
    }
    return undefined;
  }

  #next(from: number): number {
    const place = this.#open.next(from);
    return place >= 0 ? place : this.#open.next(0);
  }

  #closeGaps(): void {
    const before = this.#order.slice(0, this.#turn);
    this.#turn = before.reduce((count, backend) => count + (backend ? 1 : 0), 0);
    this.#order = this.#order.filter((backend) => backend !== undefined);
    this.#places = new Map();
    this.#open = new NumberSet(this.#order.length);
    for (const [place, backend] of this.#order.entries()) {
      if (!backend) continue;
      this.#places.set(backend, place);
      if (backend.available) this.#open.add(place);
    }
  }
}

/** Takes turns among the available ones, in the order added. Weights count for nothing. */
export function roundRobin<B extends Candidate>(): Policy<B> {
  return new RoundRobin<B>();
}
