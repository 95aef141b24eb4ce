import { Buffer } from "node:buffer";
import { createPublicKey, type JsonWebKeyInput } from "node:crypto";
import type * as jose from "jose";
import type { TokenVerifier } from "./token_verifier.ts";

/** Options for {@linkcode openTokenVerifier}. */
export interface TokenVerifierOptions {
  /** A public key (PEM), keys (a JWKS or one JWK, as JSON), or a secret (one line of at least 32 visible characters): the text of a file. */
  readonly key: string;
  /** Who must have issued a token. @default {anybody who has the key} */
  readonly issuer?: string | undefined;
  /** For whom it must be. @default {anybody} */
  readonly audience?: string | undefined;
  /** By how much the clocks may differ, in milliseconds. @default {60000} */
  readonly clockToleranceMs?: number | undefined;
  /** The claim with the user's name. @default {"sub"} */
  readonly nameClaim?: string | undefined;
}

/** How a token is checked, as `jose` wants it. */
interface Check {
  readonly key: jose.JWK | Uint8Array | jose.JWTVerifyGetKey;
  readonly algorithms: string[];
}

type Jose = typeof jose;

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const CURVES: Readonly<Record<string, string>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
/** Of keys that nobody else may know: which kind a token is of is for the key to say, never for the token. */
const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"];
/** Least characters of a secret that is written, and bytes of one in a JWK. */
const MIN_SECRET = 32;
/** Neither spaces nor control characters, nor what stands for bytes that are no UTF-8. */
const VISIBLE = /^[^\s\p{C}\ufffd]+$/u;
const CLOCK_TOLERANCE_MS = 60_000;
const IS_PRIVATE = "the key must be the public one, received a private key";

/**
 * Makes a verifier of JSON Web Tokens (RFC 7519) that somebody else issues. Loads `jose`.
 *
 * - The key says which algorithms are good: a public one those that sign, a secret those by HMAC; `none` never is.
 * - Keys of a JWKS that are for something else than such signatures are left out.
 * - A token must have a name and an expiry. What it is encrypted with, or what it wants understood, is not supported.
 *
 * @example A token that is signed with a secret
 * ```ts
 * import assert from "node:assert/strict";
 * import { Buffer } from "node:buffer";
 * import { createHmac } from "node:crypto";
 * import { openTokenVerifier } from "chorus";
 *
 * const key = "a-secret-of-at-least-32-characters";
 * const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
 * const signed = `${part({ alg: "HS256" })}.${part({ sub: "ada", exp: Date.now() / 1000 + 60 })}`;
 * const token = `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
 * const verifier = await openTokenVerifier({ key });
 * if (typeof verifier === "string") throw new Error(verifier);
 * assert.deepEqual(await verifier.verify(token, Date.now()), { name: "ada" });
 * assert.deepEqual(await verifier.verify(`${token}x`, Date.now()), { refused: "the token's signature is wrong" });
 * ```
 *
 * @returns A sentence that says what is wrong where the key cannot be used.
 */
export async function openTokenVerifier(options: TokenVerifierOptions): Promise<TokenVerifier | string> {
  const library = await import("jose");
  const check = await checkOf(library, options.key);
  return typeof check === "string" ? check : verifier(library, check, options);
}

function verifier(library: Jose, { key, algorithms }: Check, options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, clockToleranceMs = CLOCK_TOLERANCE_MS, nameClaim = "sub" } = options;
  const settings: jose.JWTVerifyOptions = {
    algorithms,
    clockTolerance: clockToleranceMs / 1000,
    requiredClaims: ["exp"],
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
  return {
    async verify(token, now) {
      try {
        const current = { ...settings, currentDate: new Date(now) };
        const { payload } =
          typeof key === "function"
            ? await library.jwtVerify(token, key, current)
            : await library.jwtVerify(token, key, current);
        const name = payload[nameClaim];
        if (typeof name === "string") return { name };
        return { refused: `the token has no name in "${nameClaim}"` };
      } catch (error) {
        // Whatever it is: the key has been tried, so that it is about the token, which a stranger may have made.
        return { refused: reasonOf(library, error) };
      }
    },
  };
}

/** Why a token is no good, in words that tell nothing of the key. */
function reasonOf({ errors }: Jose, error: unknown): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the token's "${error.claim}" is not as wanted`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not accepted";
  if (error instanceof errors.JWKSNoMatchingKey) return "the token is of an unknown key";
  return "the token is not valid";
}

async function checkOf(library: Jose, text: string): Promise<Check | string> {
  const key = text.trim();
  try {
    if (key.startsWith("-----BEGIN")) return await fromPem(library, key);
    if (key.startsWith("{")) return await fromJson(library, JSON.parse(key));
  } catch (error) {
    return `the key cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  return fromLine(text.replace(/\r?\n$/, ""));
}

/** A secret; what does not look like one was hardly meant: a page about an error, a key in bytes, a note. */
function fromLine(line: string): Check | string {
  const wanted = "the key must be PEM, JSON, or a secret on one line";
  if (/[\r\n]/.test(line)) return `${wanted}, received several lines`;
  if (!VISIBLE.test(line)) return `${wanted} of visible characters, received others or none`;
  const { length } = [...line];
  if (length < MIN_SECRET) return `a secret must have at least ${MIN_SECRET} characters, received ${length}`;
  return { key: Buffer.from(line), algorithms: SECRET_ALGORITHMS };
}

/** A public key; what else can be in PEM is no business of a server that only checks. */
async function fromPem(library: Jose, pem: string): Promise<Check | string> {
  if (pem.includes("PRIVATE KEY")) return IS_PRIVATE;
  return await fromPublicKeys(library, [createPublicKey(pem).export({ format: "jwk" }) as jose.JWK]);
}

/** Those that can check a signature. A JWKS may hold others, which are for something else. */
async function fromPublicKeys(library: Jose, keys: readonly jose.JWK[]): Promise<Check | string> {
  const uses = keys.map((key) => ({ key, algorithms: algorithmsOf(key) }));
  const checks = uses.flatMap(({ key, algorithms }) =>
    typeof algorithms === "string" ? [] : [{ key, algorithms }],
  );
  for (const check of checks) {
    const problem = await problemOf(library, check);
    if (problem !== undefined) return problem;
  }
  const [only, ...others] = checks;
  if (!only) return uses.map(({ algorithms }) => algorithms).join("; ");
  // One without a name is meant, whatever name a token has for it.
  if (others.length === 0 && only.key.kid === undefined) return only;
  const set = library.createLocalJWKSet({ keys: checks.map(({ key }) => key) });
  return { key: set, algorithms: checks.flatMap(({ algorithms }) => algorithms) };
}

/** The algorithms that a public key is for, or a sentence that says why there are none. */
function algorithmsOf(key: jose.JWK): string[] | string {
  const { kty, crv = "", alg, use = "sig", key_ops } = key;
  const known = algorithmsByType(key);
  if (!known) return `keys of type ${kty} ${crv} are not supported`;
  if (use !== "sig") return `the key must be for signatures, received one for "${use}"`;
  if (Array.isArray(key_ops) && !key_ops.includes("verify"))
    return `the key must be to verify, received one to ${key_ops.join(", ")}`;
  const algorithms = known.filter((name) => alg === undefined || name === alg);
  return algorithms.length > 0 ? algorithms : `a key of type ${kty} ${crv} is not for "${alg}"`;
}

/** By what a key can sign: one of a curve by one algorithm, one of RSA by several. */
function algorithmsByType({ kty, crv = "" }: jose.JWK): string[] | undefined {
  if (kty === "RSA") return RSA;
  if (kty === "OKP") return crv === "Ed25519" ? ["EdDSA", "Ed25519"] : undefined;
  const algorithm = kty === "EC" ? CURVES[crv] : undefined;
  return algorithm === undefined ? undefined : [algorithm];
}

/** Tries a key on a signature that is wrong: only a use tells that it is too short, or that its numbers make no key. */
async function problemOf(
  library: Jose,
  check: { readonly key: jose.JWK; readonly algorithms: readonly string[] },
): Promise<string | undefined> {
  const [alg] = check.algorithms;
  const header = Buffer.from(JSON.stringify({ alg })).toString("base64url");
  try {
    // Else Deno would take a point off its curve, by which every signature is wrong.
    createPublicKey({ key: check.key as JsonWebKeyInput["key"], format: "jwk" });
    await library.compactVerify(`${header}.e30.AA`, check.key);
    return "the key takes any signature";
  } catch (error) {
    if (error instanceof library.errors.JWSSignatureVerificationFailed) return undefined;
    return `the key cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function fromJson(library: Jose, value: unknown): Promise<Check | string> {
  const keys = keysIn(value);
  if (keys === undefined) return 'the key must be a JWKS, an object with "keys", or one JWK';
  const isSecret = keys.map(({ kty }) => kty === "oct");
  if (keys.length === 0) return "the JWKS has no key";
  if (keys.some(({ d }) => d !== undefined)) return IS_PRIVATE;
  if (isSecret.every((found) => found)) return secretIn(keys);
  if (isSecret.some((found) => found)) return "the JWKS must not mix secrets with public keys";
  return await fromPublicKeys(library, keys);
}

function secretIn([only, ...others]: readonly jose.JWK[]): Check | string {
  if (!only?.k || others.length > 0) return "a JWKS may hold one secret at most";
  const secret = Buffer.from(only.k, "base64url");
  if (secret.length < MIN_SECRET)
    return `a secret must have at least ${MIN_SECRET} bytes, received ${secret.length}`;
  const algorithms = SECRET_ALGORITHMS.filter((name) => only.alg === undefined || name === only.alg);
  return algorithms.length > 0 ? { key: secret, algorithms } : `a secret is not for "${only.alg}"`;
}

function keysIn(value: unknown): readonly jose.JWK[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("kty" in value) return [value as jose.JWK];
  const keys = "keys" in value ? value.keys : undefined;
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null);
  return isList ? (keys as jose.JWK[]) : undefined;
}
