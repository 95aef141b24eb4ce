import type { Candidate, Client, Policy } from "../contract.ts";
import { Lottery } from "./lottery.ts";

class Random<B extends Candidate> implements Policy<B> {
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
    return this.#lottery.draw(except)?.backend;
  }
}

/**
 * Picks any, each with a chance in proportion to its weight. Remembers nothing, so that balancers that do not know of each other
 * do not all begin with the same one.
 *
 * @param random Gives a number from 0 up to but not including 1. @default {Math.random}
 */
export function random<B extends Candidate>(random: () => number = Math.random): Policy<B> {
  return new Random<B>(random);
}
