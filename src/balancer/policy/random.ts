import type { Candidate, Policy } from "../contract.ts";
import { lotteryPolicy } from "./lottery_policy.ts";

/**
 * Picks any, each with a chance in proportion to its weight. Remembers nothing, so that balancers that do not know of each other
 * do not all begin with the same one.
 *
 * @param random Gives a number from 0 up to but not including 1. @default {Math.random}
 */
export function random<B extends Candidate>(random: () => number = Math.random): Policy<B> {
  return lotteryPolicy<B>(random, (lottery, except) => lottery.draw(except)?.backend);
}
