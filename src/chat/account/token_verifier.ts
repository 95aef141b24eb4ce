/** Tells whose a token is that somebody else has issued. */
export interface TokenVerifier {
  /**
   * Looks whether a token is good at wall time `now`. Does not reject for any token.
   *
   * @returns The name in it, whatever it is, or a sentence for the client that says why it is no good.
   */
  verify(token: string, now: number): Promise<{ readonly name: string } | { readonly refused: string }>;
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Whether a token is a JWT by its form. Ours are not: they have no dot. */
export function looksLikeJwt(token: string): boolean {
  return JWT.test(token);
}
