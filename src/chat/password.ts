import { Buffer } from "node:buffer";
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { availableParallelism } from "node:os";
import { Semaphore } from "../async/mod.ts";

/** The cost of one hash: 16 MiB of memory and about 40 ms of a processor. Kept with each hash, so that it can be raised. */
const COST = { N: 2 ** 14, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const MAX_WAITING = 64;

/** Work of which at most one a core is under way and a bounded number waits. Undefined: too much is waiting. */
type Limited<T> = Promise<T> | undefined;

/**
 * Passwords by scrypt (RFC 7914), written as `scrypt$N$r$p$SALT$KEY` in base64.
 *
 * At most one hash a core is computed at once and 64 more wait; beyond that every call returns undefined at once.
 */
export class Passwords {
  readonly #turns = new Semaphore(availableParallelism(), MAX_WAITING);

  /** Hashes a password under a new salt. */
  hash(password: string): Limited<string> {
    return this.#turns.tryRun(async () => {
      const salt = randomBytes(16);
      const key = await derive(password, salt, COST);
      const parts = ["scrypt", COST.N, COST.r, COST.p, salt.toString("base64"), key.toString("base64")];
      return parts.join("$");
    });
  }

  /**
   * Whether `password` is the one that was hashed. Where there is no hash, or an empty one, because there is no such user or none who has
   * a password, the answer is no and takes just as long.
   */
  verify(password: string, hash: string | undefined): Limited<boolean> {
    const [, n, r, p, salt = "", key = ""] = (hash || NOBODY).split("$");
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

const NOBODY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${randomBytes(16).toString("base64")}$`;

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
