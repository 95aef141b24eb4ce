import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { RawClient, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { partAddress, startProgram } from "./program.ts";

const FREE = ["--listen", "127.0.0.1:0", "--admin", "none", "--grace", "100ms"];

/** A JSON Web Token by HMAC, as another service would issue it. */
function tokenOf(secret: string, claims: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${head}.${createHmac("sha256", secret).update(head).digest("base64url")}`;
}

test("up with --jwt-key lets in who has a token of that key, issuer and audience, under the token's name, and nobody else", {
  timeoutMs: 60_000,
}, async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "key");
  const secret = randomBytes(32).toString("hex");
  writeFileSync(file, `${secret}\n`);
  const wanted = ["--jwt-key", file, "--jwt-issuer", "shop", "--jwt-audience", "chat"];
  await using up = startProgram(["up", ...FREE, "--data", ":memory:", "--servers", "1", ...wanted]);
  const tcp = partAddress(await up.ready(), "tcp");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const claims = { sub: "ada", iss: "shop", aud: "chat", exp };
  await using ada = await RawClient.connect(tcp);
  const token = tokenOf(secret, claims);
  const answer = await ada.ask({ type: "login", token });
  assertEquals([answer.type, answer.user, answer.token], ["ok", "ada", token]);
  await using eve = await RawClient.connect(tcp);
  const wrong = [
    tokenOf(secret, { ...claims, iss: "other" }),
    tokenOf(secret, { ...claims, aud: "other" }),
    tokenOf(secret, { ...claims, exp: exp - 7200 }),
    tokenOf("another secret that is long enough", claims),
  ];
  for (const one of wrong)
    assertEquals((await eve.ask({ type: "login", token: one })).code, "bad_credentials");
});

test("a key that cannot be used ends with 2 and says why, without showing it", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "key");
  writeFileSync(file, "too-short-a-secret\n");
  await using chat = startProgram(["chat", ...FREE, "--jwt-key", file]);
  assertEquals(await chat.end(), 2);
  assertStringIncludes(
    chat.stderr,
    `--jwt-key: ${file}: a secret must have at least 32 characters, received 18`,
  );
  assertEquals(chat.stderr.includes("too-short-a-secret"), false);
});
