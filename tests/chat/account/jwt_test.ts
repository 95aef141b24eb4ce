import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as jose from "jose";
import { ManualClock } from "../../../src/async/mod.ts";
import { openTokenVerifier, type TokenVerifierOptions } from "../../../src/chat/account/jwt.ts";
import type { TokenVerifier } from "../../../src/chat/account/token_verifier.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

const SECRET = "a-secret-that-has-more-than-32-characters";
const NOW = 1_700_000_000_000;
const HOUR_S = 3600;

/** A token by HMAC, for an hour from {@linkcode NOW}. */
function hmacToken(claims: jose.JWTPayload, secret: string = SECRET): Promise<string> {
  return signed({ exp: NOW / 1000 + HOUR_S, ...claims }, secret);
}

function signed(claims: jose.JWTPayload, secret: string): Promise<string> {
  return new jose.SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
}

async function verifierFor(options: TokenVerifierOptions): Promise<TokenVerifier> {
  const verifier = await openTokenVerifier(options);
  if (typeof verifier === "string") throw new RangeError(verifier);
  return verifier;
}

async function reasonFor(verifier: TokenVerifier, token: string, now: number = NOW): Promise<string> {
  const found = await verifier.verify(token, now);
  return "refused" in found ? found.refused : found.name;
}

test("a token by a secret gives its name until it has expired, for the issuer and the audience that were asked for", async () => {
  const verifier = await verifierFor({ key: SECRET, issuer: "us", audience: "chat", clockToleranceMs: 0 });
  const token = await hmacToken({ sub: "ada", iss: "us", aud: "chat" });
  assertEquals(await reasonFor(verifier, token), "ada");
  assertEquals(await reasonFor(verifier, token, NOW + HOUR_S * 1000 - 1), "ada");
  assertEquals(await reasonFor(verifier, token, NOW + HOUR_S * 1000), "the token has expired");
  for (const [claims, claim] of [
    [{ sub: "ada", iss: "them", aud: "chat" }, "iss"],
    [{ sub: "ada", iss: "us", aud: "mail" }, "aud"],
    [{ sub: "ada", iss: "us", aud: "chat", nbf: NOW / 1000 + 60 }, "nbf"],
  ] as const)
    assertEquals(
      await reasonFor(verifier, await hmacToken(claims)),
      `the token's "${claim}" is not as wanted`,
    );
});

test("a token of another key, without a signature, without an expiry or a name is refused", async () => {
  const verifier = await verifierFor({ key: SECRET });
  const other = await hmacToken({ sub: "ada" }, "another secret that has 32 bytes or so");
  assertEquals(await reasonFor(verifier, other), "the token's signature is wrong");
  const unsigned = new jose.UnsecuredJWT({ sub: "ada", exp: NOW / 1000 + HOUR_S }).encode();
  assertEquals(await reasonFor(verifier, `${unsigned}x`), "the token's algorithm is not accepted");
  const endless = await signed({ sub: "ada" }, SECRET);
  assertEquals(await reasonFor(verifier, endless), 'the token\'s "exp" is not as wanted');
  assertEquals(await reasonFor(verifier, await hmacToken({})), 'the token has no name in "sub"');
  assertEquals(await reasonFor(verifier, "a.b.c"), "the token is not valid");
});

test("public keys as PEM and as JWKS check what their private keys have signed, and no secret can stand in for them", async () => {
  for (const [pair, alg] of [
    [generateKeyPairSync("rsa", { modulusLength: 2048 }), "PS256"],
    [generateKeyPairSync("ec", { namedCurve: "P-256" }), "ES256"],
    [generateKeyPairSync("ed25519"), "EdDSA"],
  ] as const) {
    const pem = pair.publicKey.export({ format: "pem", type: "spki" }).toString();
    const jwk = pair.publicKey.export({ format: "jwk" });
    const privateKey = await jose.importPKCS8(
      createPrivateKey(pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString())
        .export({ format: "pem", type: "pkcs8" })
        .toString(),
      alg,
    );
    const token = await new jose.SignJWT({ name: "Ada", exp: NOW / 1000 + HOUR_S })
      .setProtectedHeader({ alg, kid: "k1" })
      .sign(privateKey);
    const nameClaim = "name";
    const keys = JSON.stringify({ keys: [{ ...jwk, kid: "k1", alg }] });
    assertEquals(await reasonFor(await verifierFor({ key: keys, nameClaim }), token), "Ada");
    const verifier = await verifierFor({ key: pem, nameClaim });
    assertEquals(await reasonFor(verifier, token), "Ada");
    // Who knows the public key may not sign by it as if it were a secret.
    const forged = await hmacToken({ name: "Ada" }, pem);
    assertEquals(await reasonFor(verifier, forged), "the token's algorithm is not accepted");
  }
});

test("a key that cannot be used is refused with the reason", async () => {
  const pair = generateKeyPairSync("ed25519");
  const pem = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const mistakes: readonly (readonly [string, string])[] = [
    ["short", "at least 32 characters, received 5"],
    [`${"x".repeat(31)}\n`, "at least 32 characters, received 31"],
    ["", "visible characters"],
    ["This file is about where the key should have been", "visible characters"],
    [` ${SECRET}`, "visible characters"],
    [`${SECRET}\u0000`, "visible characters"],
    [`${SECRET}\ufffd`, "visible characters"],
    [`${SECRET}\n${SECRET}\n`, "several lines"],
    [`${SECRET}\n\n`, "several lines"],
    [`<html>\n<body>${SECRET}</body>\n</html>\n`, "several lines"],
    [pem, "must be the public one"],
    [JSON.stringify(pair.privateKey.export({ format: "jwk" })), "must be the public one"],
    ["-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----", "cannot be read"],
    ['{"keys":[]}', "has no key"],
    ['{"some":"thing"}', "must be a JWKS"],
    ["{", "cannot be read"],
  ];
  for (const [key, words] of mistakes) {
    const verifier = await openTokenVerifier({ key });
    assert(typeof verifier === "string", `the key ${key} was to be refused`);
    assertStringIncludes(verifier, words);
  }
});

test("a public key that can never check a token is refused with the reason", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
  const mistakes: readonly (readonly [unknown, string])[] = [
    [short.export({ format: "pem", type: "spki" }), "2048 bits"],
    [
      {
        keys: [
          { ...rsa, kid: "a" },
          { ...short.export({ format: "jwk" }), kid: "b" },
        ],
      },
      "2048 bits",
    ],
    [{ ...rsa, use: "enc" }, 'for signatures, received one for "enc"'],
    [{ ...rsa, key_ops: ["encrypt", "wrapKey"] }, "to verify, received one to encrypt, wrapKey"],
    [{ ...rsa, alg: "HS256" }, 'is not for "HS256"'],
    [{ ...rsa, alg: "ES256" }, 'is not for "ES256"'],
    [{ ...ec, alg: "ES384" }, 'type EC P-256 is not for "ES384"'],
    [{ ...rsa, n: "!!" }, "cannot be used"],
    [{ ...ec, x: ec.y, y: ec.x }, "cannot be used"],
    [{ kty: "RSA" }, "cannot be used"],
    [{ keys: [{ ...rsa, use: "enc" }, { kty: "AKP" }] }, 'received one for "enc"; keys of type AKP'],
  ];
  for (const [key, words] of mistakes) {
    const text = typeof key === "string" ? key : JSON.stringify(key);
    const verifier = await openTokenVerifier({ key: text });
    assert(typeof verifier === "string", `the key ${text} was to be refused`);
    assertStringIncludes(verifier, words);
  }
});

test("a stranger's token by another algorithm than the key's own is refused as others are, and no error", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signing = { ...publicKey.export({ format: "jwk" }), alg: "RS256", use: "sig" };
  const sealing = { ...publicKey.export({ format: "jwk" }), kid: "b", alg: "RSA-OAEP", use: "enc" };
  const token = await new jose.SignJWT({ sub: "ada", exp: NOW / 1000 + HOUR_S })
    .setProtectedHeader({ alg: "PS512" })
    .sign(privateKey);
  for (const key of [signing, { keys: [signing, sealing] }, { keys: [{ ...signing, kid: "a" }] }]) {
    const verifier = await verifierFor({ key: JSON.stringify(key) });
    await using cluster = await chatServers(1, { verifier });
    await using client = await RawClient.connect(cluster.at(0));
    const { code, message } = await client.ask({ type: "login", token });
    assertEquals([code, message], ["bad_credentials", "the token's algorithm is not accepted"]);
    assertEquals(cluster.errors, []);
  }
});

test("a secret is the line in its file, with or without the end of the line", async () => {
  const token = await hmacToken({ sub: "ada" });
  for (const end of ["", "\n", "\r\n"])
    assertEquals(await reasonFor(await verifierFor({ key: SECRET + end }), token), "ada");
});

test("a client logs in with a JWT without having registered, and never with a password then", async () => {
  const clock = new ManualClock(NOW);
  const verifier = await verifierFor({ key: SECRET });
  await using cluster = await chatServers(1, { clock, verifier });
  await using ada = await RawClient.connect(cluster.at(0));
  const token = await hmacToken({ sub: "Ada" });
  const login = await ada.ask({ type: "login", token });
  assertEquals([login.user, login.token], ["ada", token]);
  assertEquals((await ada.ask({ type: "send", to: "ada", text: "hello" })).type, "ok");
  await using long = await RawClient.connect(cluster.at(0));
  const groups = await hmacToken({ sub: "ada", groups: "g".repeat(5800) });
  assertEquals((await long.ask({ type: "login", token: groups, device: "other" })).user, "ada");
  await using again = await RawClient.connect(cluster.at(0));
  const codeOf = async (frame: object) => (await again.ask({ type: "login", ...frame })).code;
  assertEquals(await codeOf({ name: "ada", password: "" }), "bad_frame");
  assertEquals(await codeOf({ name: "ada", password: "x" }), "bad_credentials");
  assertEquals((await again.ask({ type: "register", name: "ada", password: "x" })).code, "name_taken");
  const nobody = await again.ask({ type: "login", token: await hmacToken({ sub: "no spaces" }) });
  assertEquals(nobody.code, "bad_credentials");
  assertStringIncludes(String(nobody.message), "the token has no name");
  clock.advance(HOUR_S * 1000 + 60_001);
  await using late = await RawClient.connect(cluster.at(0));
  const expired = await late.ask({ type: "login", token });
  assertEquals([expired.code, expired.message], ["bad_credentials", "the token has expired"]);
});

test("a server without a key takes a JWT for an unknown token", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  const answer = await client.ask({ type: "login", token: await hmacToken({ sub: "ada" }) });
  assertEquals(answer.code, "bad_credentials");
});
