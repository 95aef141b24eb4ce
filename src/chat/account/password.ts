import { Buffer } from "node:buffer";
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { availableParallelism } from "node:os";
import { Semaphore } from "../../async/mod.ts";

/** The cost of a hash as a power of two, unless told otherwise: 16 MiB of memory and about 40 ms of a processor. One more doubles both. */
export const PASSWORD_COST = 14;
/** The least and the greatest cost. */
export const PASSWORD_COSTS: { readonly least: number; readonly most: number } = { least: 10, most: 20 };
const BLOCK = { r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const MAX_WAITING = 64;

/** Work of which at most one a core is under way and a bounded number waits. Undefined: too much is waiting. */
type Limited<T> = Promise<T> | undefined;

/**
 * Passwords by scrypt (RFC 7914), written as `scrypt$N$r$p$SALT$KEY` in base64.
 *
 * The cost is kept with each hash: another one counts for those that are made from then on.
 *
 * At most one hash a core is computed at once and 64 more wait; beyond that every call returns undefined at once.
 */
export class Passwords {
  readonly #turns = new Semaphore(availableParallelism(), MAX_WAITING);
  readonly #cost: ScryptOptions;
  /** What a password is compared with where there is none. */
  readonly #nobody: string;

  /** @throws {RangeError} When the cost is not one of {@linkcode PASSWORD_COSTS}. */
  constructor(cost: number = PASSWORD_COST) {
    const { least, most } = PASSWORD_COSTS;
    if (!Number.isInteger(cost) || cost < least || cost > most) {
      throw new RangeError(
        `Cannot hash passwords: the cost must be a whole number from ${least} to ${most}, received ${cost}`,
      );
    }
    this.#cost = { N: 2 ** cost, ...BLOCK };
    this.#nobody = format(this.#cost, randomBytes(16), Buffer.alloc(0));
  }

  /** Hashes a password under a new salt. */
  hash(password: string): Limited<string> {
    return this.#turns.tryRun(async () => {
      const salt = randomBytes(16);
      return format(this.#cost, salt, await derive(password, salt, this.#cost));
    });
  }

  /**
   * Whether `password` is the one that was hashed. Where there is no hash, or an empty one, because there is no such user or none who has
   * a password, the answer is no and takes just as long.
   */
  verify(password: string, hash: string | undefined): Limited<boolean> {
    const [, n, r, p, salt = "", key = ""] = (hash || this.#nobody).split("$");
    return this.#turns.tryRun(async () => {
      const wanted = Buffer.from(key, "base64");
      const found = await derive(password, Buffer.from(salt, "base64"), {
        N: Number(n),
        r: Number(r),
        p: Number(p),
      });
      return Boolean(hash) && wanted.length === found.length && timingSafeEqual(wanted, found);
    });
  }
}

function format({ N, r, p }: ScryptOptions, salt: Buffer, key: Buffer): string {
  return ["scrypt", N, r, p, salt.toString("base64"), key.toString("base64")].join("$");
}

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  const { N = 0, r = 0 } = cost;
  // Twice what it needs: the runtime's own limit is just below that of a cost of 15.
  const maxmem = 256 * N * r;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, { ...cost, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
