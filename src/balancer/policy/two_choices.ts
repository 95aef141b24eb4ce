import type { Candidate, Client, Policy } from "../contract.ts";
import { Lottery } from "./lottery.ts";

class TwoChoices<B extends Candidate> implements Policy<B> {
  // It looks at the count of two when it picks, and need not be told of every change.
  readonly countsConnections = false;
  readonly #lottery: Lottery<B>;

  constructor(random: () => number) {
    this.#lottery = new Lottery(random);
  }

  add(backend: B): void {
    this.#lottery.add(backend);
  }

  remove(backend: B): void {
    this.#lottery.remove(backend);
  }

  change(backend: B): void {
    this.#lottery.change(backend);
  }

  pick(_client: Client, except: ReadonlySet<B>): B | undefined {
    const first = this.#lottery.draw(except);
    if (!first) return undefined;
    this.#lottery.setAside(first);
    const second = this.#lottery.draw(except);
    this.#lottery.putBack(first);
    if (!second) return first.backend;
    const isSecond = second.backend.active * first.weight < first.backend.active * second.weight;
    return isSecond ? second.backend : first.backend;
  }
}

/**
 * Draws two, each with a chance in proportion to its weight, and picks the one with fewer connections for its weight.
 *
 * Nearly as even as `least-connections` (Mitzenmacher, "The power of two choices in randomized load balancing", 2001), and better where
 * several balancers stand side by side: they do not all rush to the one that is idle.
 *
 * @param random Gives a number from 0 up to but not including 1. @default {Math.random}
 */
export function twoChoices<B extends Candidate>(random: () => number = Math.random): Policy<B> {
  return new TwoChoices<B>(random);
}
