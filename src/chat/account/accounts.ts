import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../async/mod.ts";
import { BusError } from "../../bus/mod.ts";
import { PresenceError } from "../presence/contract.ts";
import { normalizeName, ProtocolError } from "../protocol.ts";
import { type Store, StoreError } from "../store/mod.ts";
import { LoginThrottle } from "./login_throttle.ts";
import { Passwords } from "./password.ts";
import { looksLikeJwt, type TokenVerifier } from "./token_verifier.ts";

const TOKEN_MS = 30 * 24 * 3_600_000;

/** Who logged in, and the token that will do it again. */
export interface Login {
  readonly user: string;
  readonly token: string;
}

/** A name and a password, and the address that they came from. */
export interface Attempt {
  readonly name: string;
  readonly password: string;
  readonly host: string;
}

/** Options for {@linkcode Accounts}. */
export interface AccountsOptions {
  readonly store: Store;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** Failed logins of a name after which further tries are slowed down; absent: never. */
  readonly loginFailures?: number | undefined;
  /** Who can tell whose a JWT is; absent: a JWT is a token like any other, and unknown. */
  readonly verifier?: TokenVerifier | undefined;
  /** What a hash of a password costs, as a power of two. @default {PASSWORD_COST} */
  readonly passwordCost?: number | undefined;
}

/** Accounts and tokens: who somebody is. Every method throws a {@linkcode ProtocolError} that can be answered as it is. */
export class Accounts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #verifier: TokenVerifier | undefined;
  readonly #passwords: Passwords;
  readonly #throttle: LoginThrottle;

  constructor({ store, clock = systemClock, loginFailures, verifier, passwordCost }: AccountsOptions) {
    this.#passwords = new Passwords(passwordCost);
    this.#store = store;
    this.#clock = clock;
    this.#verifier = verifier;
    this.#throttle = new LoginThrottle({ store, clock, failures: loginFailures });
  }

  /**
   * Makes an account.
   *
   * @param admit Says whether there may be one account more now, by rejecting where not; not asked where the name is taken.
   * @returns The name as it is stored.
   * @throws {ProtocolError} `bad_name`, `name_taken`, `rate_limited`, `unavailable`.
   */
  async register(name: string, password: string, admit: () => Promise<void>): Promise<string> {
    const user = normalizeName(name);
    // Asked first, so that a name that is taken costs no hash and counts as no account; the store decides.
    if (await stored(this.#store.findUser(user))) throw nameTaken(user);
    await admit();
    const hash = await turn(this.#passwords.hash(password));
    if (!(await stored(this.#store.createUser({ name: user, password: hash })))) throw nameTaken(user);
    return user;
  }

  /**
   * Logs in by password and makes a token.
   *
   * @throws {ProtocolError} `bad_name`, `bad_credentials`, `rate_limited`, `unavailable`.
   */
  async loginByPassword(attempt: Attempt): Promise<Login> {
    const { name, password } = await this.#authenticate(attempt);
    const login = await this.#makeToken(name);
    // A change that came since then has not seen this token; one that comes from now on makes it worthless.
    if ((await stored(this.#store.findUser(name)))?.password === password) return login;
    await this.forget(login.token);
    throw wrongPassword();
  }

  /**
   * Logs in by a token that an earlier login gave, or by one of somebody whose tokens are accepted: their user has an account from then on.
   *
   * @throws {ProtocolError} `bad_credentials`, `unavailable`.
   */
  async loginByToken(token: string): Promise<Login> {
    if (this.#verifier && looksLikeJwt(token)) return await this.#loginByJwt(this.#verifier, token);
    const user = await stored(this.#store.findToken(hashOf(token), this.#clock.wallNow()));
    if (user === undefined) throw new ProtocolError("bad_credentials", "the token is unknown or has expired");
    return { user, token };
  }

  /**
   * Looks again whether a token that was accepted still is: it may have been made worthless before its session could be told.
   *
   * @throws {ProtocolError} `bad_credentials`, `unavailable`.
   */
  async confirm(token: string): Promise<void> {
    if (!(this.#verifier && looksLikeJwt(token))) await this.loginByToken(token);
  }

  /**
   * Changes a user's password, makes every token worthless and ends the sessions of every device but `device`, sooner or later.
   *
   * @returns The token that takes the place of the old ones.
   *
   * @throws {ProtocolError} `bad_credentials` when `attempt` does not have the old one; `rate_limited`, `unavailable`.
   */
  async changePassword(attempt: Attempt, password: string, device: string): Promise<Login> {
    const { name, password: from } = await this.#authenticate(attempt);
    const to = await turn(this.#passwords.hash(password));
    const isChanged = await stored(this.#store.changePassword(name, from, to, device));
    if (!isChanged) throw wrongPassword();
    return await this.#makeToken(name);
  }

  /** Makes a token worthless. A JWT stays what its issuer says. @throws {ProtocolError} `unavailable`. */
  async forget(token: string): Promise<void> {
    await stored(this.#store.removeToken(hashOf(token)));
  }

  /** Makes every token of a user worthless and ends every session, sooner or later. @throws {ProtocolError} `unavailable`. */
  async forgetAll(user: string): Promise<void> {
    await stored(this.#store.removeTokens(user));
    await stored(this.#store.endDevices(user));
  }

  async #makeToken(user: string): Promise<Login> {
    const token = randomBytes(32).toString("base64url");
    const expiresAt = this.#clock.wallNow() + TOKEN_MS;
    await stored(this.#store.addToken({ hash: hashOf(token), user, expiresAt }));
    return { user, token };
  }

  /** The account, if the password is right. */
  async #authenticate({ name, password, host }: Attempt): Promise<{ name: string; password: string }> {
    const user = normalizeName(name);
    const found = await stored(this.#store.findUser(user));
    const check = (): Promise<boolean> => turn(this.#passwords.verify(password, found?.password));
    const isRight = await stored(this.#throttle.attempt(user, host, check));
    if (found && isRight) return found;
    throw wrongPassword();
  }

  async #loginByJwt(verifier: TokenVerifier, token: string): Promise<Login> {
    const found = await verifier.verify(token, this.#clock.wallNow());
    if ("refused" in found) throw new ProtocolError("bad_credentials", found.refused);
    const user = nameIn(found.name);
    // Without a password nobody logs in by one. That somebody has made it meanwhile is as good.
    if (!(await stored(this.#store.findUser(user))))
      await stored(this.#store.createUser({ name: user, password: "" }));
    return { user, token };
  }
}

/** What is stored of a token. */
export function hashOf(token: string): string {
  return createHash("sha256").update(Buffer.from(token)).digest("hex");
}

/** The name in a token, as it is stored. */
function nameIn(name: string): string {
  try {
    return normalizeName(name);
  } catch (cause) {
    throw cause instanceof ProtocolError ? badTokenName(cause) : cause;
  }
}

function badTokenName(cause: ProtocolError): ProtocolError {
  return new ProtocolError("bad_credentials", `the token has no name: ${cause.message}`, { cause });
}

function nameTaken(name: string): ProtocolError {
  return new ProtocolError("name_taken", `the name ${name} is taken`);
}

function wrongPassword(): ProtocolError {
  return new ProtocolError("bad_credentials", "the name or the password is wrong");
}

/** A password is hashed when it is its turn, or refused when too many wait. */
async function turn<T>(work: Promise<T> | undefined): Promise<T> {
  if (work !== undefined) return await work;
  throw new ProtocolError("rate_limited", "too many log in at once", { retryMs: 1000 });
}

/** Waits for the store, the bus or the presence; what they cannot do now is `unavailable` to the client. */
export async function stored<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw answerable(error);
  }
}

/** What a client is told where the store, the bus or the presence has failed; any other error as it is. */
export function answerable(error: unknown): unknown {
  return isUnavailable(error) ? unavailable(error) : error;
}

function isUnavailable(error: unknown): error is Error {
  return error instanceof StoreError || error instanceof BusError || error instanceof PresenceError;
}

function unavailable(cause: Error): ProtocolError {
  return new ProtocolError("unavailable", "the server cannot reach its store now; try again", { cause });
}
