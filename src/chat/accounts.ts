import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../async/mod.ts";
import { BusError } from "../bus/mod.ts";
import { Passwords } from "./password.ts";
import { normalizeName, ProtocolError } from "./protocol.ts";
import { type Store, StoreError } from "./store/mod.ts";

const TOKEN_MS = 30 * 24 * 3_600_000;

/** Who logged in, and the token that will do it again. */
export interface Login {
  readonly user: string;
  readonly token: string;
}

/** Accounts and tokens: who somebody is. Every method throws a {@linkcode ProtocolError} that can be answered as it is. */
export class Accounts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #passwords = new Passwords();

  constructor(store: Store, clock: Clock = systemClock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Makes an account.
   *
   * @returns The name as it is stored.
   * @throws {ProtocolError} `bad_name`, `name_taken`, `rate_limited`, `unavailable`.
   */
  async register(name: string, password: string): Promise<string> {
    const user = normalizeName(name);
    // Asked first, so that a name that is taken costs no hash; the store decides.
    if (await stored(this.#store.findUser(user))) throw nameTaken(user);
    const hash = await turn(this.#passwords.hash(password));
    if (!(await stored(this.#store.createUser({ name: user, password: hash })))) throw nameTaken(user);
    return user;
  }

  /**
   * Logs in by password and makes a token.
   *
   * @throws {ProtocolError} `bad_name`, `bad_credentials`, `rate_limited`, `unavailable`.
   */
  async loginByPassword(name: string, password: string): Promise<Login> {
    const found = await stored(this.#store.findUser(normalizeName(name)));
    const isRight = await turn(this.#passwords.verify(password, found?.password));
    if (!(found && isRight)) throw new ProtocolError("bad_credentials", "the name or the password is wrong");
    const token = randomBytes(32).toString("base64url");
    const expiresAt = this.#clock.wallNow() + TOKEN_MS;
    await stored(this.#store.addToken({ hash: hashOf(token), user: found.name, expiresAt }));
    return { user: found.name, token };
  }

  /**
   * Logs in by a token that an earlier login gave.
   *
   * @throws {ProtocolError} `bad_credentials`, `unavailable`.
   */
  async loginByToken(token: string): Promise<Login> {
    const user = await stored(this.#store.findToken(hashOf(token), this.#clock.wallNow()));
    if (user === undefined) throw new ProtocolError("bad_credentials", "the token is unknown or has expired");
    return { user, token };
  }

  /** Makes a token worthless. */
  async forget(token: string): Promise<void> {
    await stored(this.#store.removeToken(hashOf(token)));
  }

  /** Makes every token of a user worthless. */
  async forgetAll(user: string): Promise<void> {
    await stored(this.#store.removeTokens(user));
  }
}

function nameTaken(name: string): ProtocolError {
  return new ProtocolError("name_taken", `the name ${name} is taken`);
}

function hashOf(token: string): string {
  return createHash("sha256").update(Buffer.from(token)).digest("hex");
}

/** A password is hashed when it is its turn, or refused when too many wait. */
async function turn<T>(work: Promise<T> | undefined): Promise<T> {
  if (work !== undefined) return await work;
  throw new ProtocolError("rate_limited", "too many log in at once", { retryMs: 1000 });
}

/** Waits for the store or the bus; what it cannot do now is `unavailable` to the client. */
export async function stored<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof StoreError || error instanceof BusError ? unavailable(error) : error;
  }
}

function unavailable(cause: StoreError | BusError): ProtocolError {
  return new ProtocolError("unavailable", "the server cannot reach its store now; try again", { cause });
}
