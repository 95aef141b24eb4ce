import { seeded } from "../balancer/policy/seeded.ts";

/** Choices that are the same in every run with the same seed. */
export interface Random {
  /** A number from `least` up to, but not including, `most`. */
  between(least: number, most: number): number;
  /** @throws {RangeError} when there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T;
  /** Another source, of its own. */
  branch(): Random;
}

/** Starts with `seed`. */
export function randomFrom(seed: number): Random {
  const next = seeded(seed);
  return {
    between: (least, most) => least + next() * (most - least),
    pick<T>(choices: readonly T[]): T {
      const index = Math.floor(next() * choices.length);
      const chosen = choices[index];
      if (chosen === undefined) throw new RangeError("Cannot pick: there is nothing to choose from");
      return chosen;
    },
    branch: () => randomFrom(Math.floor(next() * 2 ** 31)),
  };
}
