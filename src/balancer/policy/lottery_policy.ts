import type { Candidate, Policy } from "../contract.ts";
import { Lottery } from "./lottery.ts";

/**
 * Makes a policy of a way to draw. It may look at the counts of those that it draws, and need not be told of every change of them.
 *
 * @param random Gives a number from 0 up to but not including 1.
 */
export function lotteryPolicy<B extends Candidate>(
  random: () => number,
  pick: (lottery: Lottery<B>, except: ReadonlySet<B>) => B | undefined,
): Policy<B> {
  const lottery = new Lottery<B>(random);
  return {
    countsConnections: false,
    add: (backend) => lottery.add(backend),
    remove: (backend) => lottery.remove(backend),
    change: (backend) => lottery.change(backend),
    pick: (_client, except) => pick(lottery, except),
  };
}
