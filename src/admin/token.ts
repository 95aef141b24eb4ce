import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";

/** A shorter one could be guessed; a longer one does not fit into a header everywhere. */
const MIN_LENGTH = 16;
const MAX_LENGTH = 1024;

/** Who else but its owner may do anything with a file. */
const OTHERS = 0o077;

/**
 * What a request has to show to be served: a secret that is kept in a file.
 *
 * Only its hash is kept in memory.
 *
 * @example Who has no token is told nothing
 * ```ts
 * import assert from "node:assert/strict";
 * import { readFileSync } from "node:fs";
 * import { AdminToken, formatAddress, startAdmin } from "chorus";
 *
 * const file = "/var/lib/chorus/token";
 * const token = AdminToken.open(file);
 * if (typeof token === "string") throw new Error(token);
 * const control = { health: () => ({ healthy: true, role: "games" }), metrics: () => [] };
 * await using admin = await startAdmin({ listen: { host: "127.0.0.1", port: 0 }, control, token });
 * const url = `http://${formatAddress(admin.address)}/metrics`;
 * assert.equal((await fetch(url)).status, 401);
 * const headers = { authorization: `Bearer ${readFileSync(file, "utf8").trim()}` };
 * assert.equal((await fetch(url, { headers })).status, 200);
 * ```
 */
export class AdminToken {
  /** Whether the file was made just now. */
  readonly isNew: boolean;
  readonly #hash: Uint8Array;

  private constructor(text: string, isNew: boolean) {
    this.isNew = isNew;
    this.#hash = hashOf(text);
  }

  /**
   * Reads the token of a file. Where there is none, but its folder is there, makes it, with a random token of 256 bits and mode 0600.
   *
   * @returns The token, or a sentence that says what is wrong with the file: that others may read it, or what it holds.
   */
  static open(file: string): AdminToken | string {
    try {
      return AdminToken.#create(file) ?? AdminToken.#read(file);
    } catch (error) {
      return `Cannot use the token file ${file}: ${codeOf(error)}`;
    }
  }

  /** Whether a text is the token. Takes as long for a wrong one as for the right one. */
  matches(text: string): boolean {
    return timingSafeEqual(hashOf(text), this.#hash);
  }

  /** Undefined when the file exists. */
  static #create(file: string): AdminToken | undefined {
    const text = randomBytes(32).toString("base64url");
    try {
      writeFileSync(file, `${text}\n`, { flag: "wx", mode: 0o600 });
    } catch (error) {
      if (codeOf(error) === "EEXIST") return undefined;
      throw error;
    }
    return new AdminToken(text, true);
  }

  static #read(file: string): AdminToken | string {
    const opened = openSync(file, "r");
    try {
      // Of what was opened: a path could lead elsewhere a moment later.
      const { mode, size } = fstatSync(opened);
      if ((mode & OTHERS) !== 0) {
        const found = (mode & 0o777).toString(8).padStart(4, "0");
        return `Cannot use the token file ${file}: others than its owner may use it (mode ${found}); make it 0600`;
      }
      if (size > 2 * MAX_LENGTH) return `Cannot use the token file ${file}: it has ${size} bytes`;
      const text = readFileSync(opened, "utf8").trim();
      if (isToken(text)) return new AdminToken(text, false);
      return `Cannot use the token file ${file}: a token is one line of ${MIN_LENGTH} to ${MAX_LENGTH} visible ASCII characters`;
    } finally {
      closeSync(opened);
    }
  }
}

function isToken(text: string): boolean {
  return text.length >= MIN_LENGTH && text.length <= MAX_LENGTH && /^[\x21-\x7e]+$/.test(text);
}

function hashOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : String(error);
}
