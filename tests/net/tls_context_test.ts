import { execFileSync } from "node:child_process";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type TlsCertificate, TlsClientContext, TlsServerContext } from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import { authority, certificate } from "./certificates.ts";

/** What is wrong with a server's second certificate. */
async function problemOf(change: (good: TlsCertificate) => Partial<TlsCertificate>): Promise<string> {
  const good = await certificate(["localhost"]);
  const context = TlsServerContext.create({ certificates: [good, { ...good, ...change(good) }] });
  return typeof context === "string" ? context : "none";
}

test("TlsServerContext.create() takes keys of both kinds, a chain, expired certificates, and one text for both", async () => {
  const ec = await certificate(["localhost"]);
  const rsa = await certificate(["localhost"], { kind: "rsa" });
  const old = await certificate(["localhost"], { days: -1 });
  const { certificate: ca } = await authority();
  const chain = { certificate: ec.certificate + ca, key: ec.key };
  const text = `a comment\n${ec.key}${ec.certificate}`;
  const certificates = [ec, rsa, old, chain, { certificate: text, key: text }];
  assert(TlsServerContext.create({ certificates }) instanceof TlsServerContext);
});

test("TlsServerContext.create() says which certificate is wrong, and what is", async () => {
  const other = await certificate(["other.test"]);
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const problems = [
    await problemOf(() => ({ certificate: "not PEM" })),
    await problemOf(({ key }) => ({ certificate: key })),
    await problemOf(({ certificate: good }) => ({ certificate: good + broken })),
    await problemOf(() => ({ key: "not PEM" })),
    await problemOf(() => ({ key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" })),
    await problemOf(() => ({ key: other.key })),
  ];
  assertEquals(problems, [
    "certificate 2: its text holds no PEM certificate",
    "certificate 2: its text holds no PEM certificate",
    "certificate 2: PEM certificate 2 of its text cannot be read",
    "certificate 2: its key's text holds no PEM private key",
    "certificate 2: its private key cannot be read",
    "certificate 2: the private key belongs to another certificate",
  ]);
});

test("TlsServerContext.create() says that a key is encrypted", async () => {
  const kinds = [
    ["pkcs8", "-topk8"],
    ["ec", "-aes128"],
  ];
  const { key } = await certificate(["localhost"]);
  for (const kind of kinds) {
    const encrypted = execFileSync("openssl", [...kind, "-passout", "pass:secret"], {
      input: key,
      stdio: "pipe",
    });
    assertEquals(
      await problemOf(() => ({ key: String(encrypted) })),
      "certificate 2: its private key is encrypted; give it without a passphrase",
    );
  }
});

test("TlsServerContext.create() wants a certificate, and names for protocols", async () => {
  assertEquals(TlsServerContext.create({ certificates: [] }), "no certificate is given");
  const certificates = [await certificate(["localhost"])];
  assertEquals(
    TlsServerContext.create({ certificates, alpn: ["h2", ""] }),
    'alpn "" is not a name of 1 to 255 ASCII characters',
  );
});

test("TlsClientContext.create() says what is wrong", async () => {
  const { certificate: ca } = await authority();
  const good = await certificate(["localhost"]);
  const problems = [
    TlsClientContext.create({ ca: "not PEM" }),
    TlsClientContext.create({ ca, identity: { ...good, key: "not PEM" } }),
    TlsClientContext.create({ ca, alpn: ["ä"] }),
  ];
  assertEquals(problems.slice(0, 2), [
    "ca: its text holds no PEM certificate",
    "identity: its key's text holds no PEM private key",
  ]);
  assertMatch(String(problems[2]), /^alpn "ä"/);
  assert(TlsClientContext.create({ ca, identity: good }) instanceof TlsClientContext);
});
