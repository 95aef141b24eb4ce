import { readFileSync } from "node:fs";
import { openTokenVerifier, type TokenVerifier, type TokenVerifierOptions } from "../chat/mod.ts";
import { UsageError } from "./errors.ts";
import { text } from "./flag_kinds.ts";
import type { Flag } from "./flags.ts";

/** The flags that let clients log in with tokens of somebody else's. */
export const TOKEN_FLAGS: {
  readonly "jwt-key": Flag<string>;
  readonly "jwt-issuer": Flag<string>;
  readonly "jwt-audience": Flag<string>;
} = {
  "jwt-key": text(
    "FILE",
    "take JSON Web Tokens as logins: a public key (PEM or JWKS) or a secret; their sub is the name",
  ),
  "jwt-issuer": text("ISSUER", "with --jwt-key: who must have issued them"),
  "jwt-audience": text("AUDIENCE", "with --jwt-key: for whom they must be"),
};

/** What such flags came to. */
export interface TokenValues {
  readonly "jwt-key": string | undefined;
  readonly "jwt-issuer": string | undefined;
  readonly "jwt-audience": string | undefined;
}

/** A verifier of tokens, and what it was made of, so that another process can make the same. */
export interface TokenSettings {
  readonly verifier: TokenVerifier;
  readonly options: TokenVerifierOptions;
}

/**
 * Reads the key; to be called before anything is started.
 *
 * @returns Undefined where no such tokens are wanted.
 * @throws {UsageError} When the key cannot be read or used.
 */
export async function readTokenSettings(values: TokenValues): Promise<TokenSettings | undefined> {
  const { "jwt-key": file, "jwt-issuer": issuer, "jwt-audience": audience } = values;
  if (file === undefined) {
    if (issuer !== undefined) throw new UsageError("--jwt-issuer: give --jwt-key FILE with it");
    if (audience !== undefined) throw new UsageError("--jwt-audience: give --jwt-key FILE with it");
    return undefined;
  }
  const options = { key: readKey(file), issuer, audience };
  const verifier = await openTokenVerifier(options);
  if (typeof verifier === "string") throw new UsageError(`--jwt-key: ${file}: ${verifier}`);
  return { verifier, options };
}

function readKey(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    throw new UsageError(`--jwt-key: cannot read ${file}: ${code}`, { cause });
  }
}
