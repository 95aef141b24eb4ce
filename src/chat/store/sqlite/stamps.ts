import { randomBytes } from "node:crypto";

/** What all random numbers of one batch come from: 32 hexadecimal digits. */
export type Seed = string;

/** A new seed. */
export function randomSeed(): Seed {
  return randomBytes(16).toString("hex");
}

/** Draws the first numbers of a seed that are not used: they still show what the seed was like. */
const WARM_UP = 12;

/**
 * The random numbers of a batch of writes. A batch that is carried out again with its seed draws the same ones, so that an entry keeps the stamp that
 * clients know.
 *
 * The generator is sfc32 by Chris Doty-Humphrey (PractRand), seeded with 96 random bits and a counter: quick, and evenly spread. It keeps nothing secret.
 */
export class Stamps {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /** Goes on with the numbers of `seed`. */
  begin(seed: Seed): void {
    [this.#a, this.#b, this.#c] = [0, 8, 16].map((start) =>
      Number.parseInt(seed.slice(start, start + 8), 16),
    ) as [number, number, number];
    this.#counter = Number.parseInt(seed.slice(24), 16) | 0;
    for (let count = 0; count < WARM_UP; count++) this.#draw();
  }

  /** A 48-bit number that tells an entry from another one at the same place. */
  stamp(): number {
    return (this.#draw() & 0xff_ff) * 0x1_00_00_00_00 + this.#draw();
  }

  /** A word of 16 characters that names one life of an inbox. */
  epoch(): string {
    return [this.#draw(), this.#draw()].map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  /** 32 bits. */
  #draw(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}
