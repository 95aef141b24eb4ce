/** What one logs in with: a password, or a token that an earlier login gave or that the cluster accepts from elsewhere. */
export type Credentials = { readonly name: string; readonly password: string } | { readonly token: string };

/**
 * Gives what to log in with, asked for before each login: for tokens that live shortly. What it throws counts as a failed try.
 *
 * @param signal Aborted when the login is not wanted any more.
 */
export type CredentialsSource = (signal: AbortSignal) => Credentials | Promise<Credentials>;

/** What a client logs in with, the first time and again. */
export class Login {
  readonly #source: CredentialsSource | undefined;
  #known: Credentials | undefined;

  constructor(credentials: Credentials | CredentialsSource) {
    if (typeof credentials === "function") this.#source = credentials;
    else this.#known = credentials;
  }

  /** The token of the last login. */
  get token(): string | undefined {
    return this.#known && "token" in this.#known ? this.#known.token : undefined;
  }

  /** What the next login takes. @throws The signal's reason; whatever the source throws. */
  async next(signal: AbortSignal): Promise<Credentials> {
    if (!this.#source) {
      if (!this.#known) throw new TypeError("Cannot log in: there are no credentials");
      return this.#known;
    }
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([this.#source(signal), aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** A login was answered with this token: it takes the place of a password. */
  accepted(token: string): void {
    this.#known = { token };
  }
}
