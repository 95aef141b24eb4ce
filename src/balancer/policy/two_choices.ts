import type { Candidate, Policy } from "../contract.ts";
import type { Lottery } from "./lottery.ts";
import { lotteryPolicy } from "./lottery_policy.ts";

/**
 * Draws two, each with a chance in proportion to its weight, and picks the one with fewer connections for its weight.
 *
 * Nearly as even as `least-connections` (Mitzenmacher, "The power of two choices in randomized load balancing", 2001), and better where
 * several balancers stand side by side: they do not all rush to the one that is idle.
 *
 * @param random Gives a number from 0 up to but not including 1. @default {Math.random}
 */
export function twoChoices<B extends Candidate>(random: () => number = Math.random): Policy<B> {
  return lotteryPolicy<B>(random, betterOfTwo);
}

function betterOfTwo<B extends Candidate>(lottery: Lottery<B>, except: ReadonlySet<B>): B | undefined {
  const first = lottery.draw(except);
  if (!first) return undefined;
  lottery.setAside(first);
  const second = lottery.draw(except);
  lottery.putBack(first);
  if (!second) return first.backend;
  const isSecond = second.backend.active * first.weight < first.backend.active * second.weight;
  return isSecond ? second.backend : first.backend;
}
