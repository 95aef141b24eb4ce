import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import type { BalancerConfiguration } from "../../../src/balancer/configuration/contract.ts";
import { type LoadedFiles, loadFiles, MAX_FILE_BYTES } from "../../../src/balancer/configuration/files.ts";
import { parseConfiguration } from "../../../src/balancer/configuration/parse.ts";
import { temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { file } from "./configurations.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n";

function configuration(
  folder: string,
  certificate: string,
  key: string,
  tls: object = {},
): BalancerConfiguration {
  const value = file({ tls: { certificates: [{ certificate, key }] } }, { tls });
  const result = parseConfiguration(JSON.stringify(value), join(folder, "chorus.json"));
  assert(!Array.isArray(result), JSON.stringify(result));
  return result as BalancerConfiguration;
}

test("loadFiles() gives the texts of all certificates, keys and authorities by their absolute paths", async () => {
  using folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  for (const [name, text] of Object.entries({ "a.pem": CERTIFICATE, "a.key": KEY, "ca.pem": CERTIFICATE }))
    writeFileSync(at(name), text);
  symlinkSync("a.key", at("b.key"));
  const tls = { ca: "ca.pem", certificate: "a.pem", key: "b.key" };
  const loaded = await loadFiles(configuration(folder.path, "a.pem", "a.key", tls));
  assert(!Array.isArray(loaded));
  assertEquals(
    [...(loaded as LoadedFiles)].sort(),
    [
      [at("a.key"), KEY],
      [at("a.pem"), CERTIFICATE],
      [at("b.key"), KEY],
      [at("ca.pem"), CERTIFICATE],
    ].sort() as [string, string][],
  );
});

test("loadFiles() says of each file that cannot be used the key, the file and the reason", async () => {
  using folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  mkdirSync(at("folder"));
  writeFileSync(at("a.pem"), CERTIFICATE);
  writeFileSync(at("locked.key"), KEY.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"));
  writeFileSync(at("large.pem"), CERTIFICATE.padEnd(MAX_FILE_BYTES + 1));
  const wrong: readonly (readonly [certificate: string, key: string, ...sentences: string[]])[] = [
    [
      "none.pem",
      "a.pem/x",
      `certificate: "${at("none.pem")}" is not there`,
      `key: "${at("a.pem/x")}" is not there`,
    ],
    [
      "folder",
      "a.pem",
      `certificate: "${at("folder")}" is not a file`,
      `key: "${at("a.pem")}" holds no private key in PEM`,
    ],
    [
      "large.pem",
      "locked.key",
      `certificate: "${at("large.pem")}" has 1048577 bytes; at most 1048576 are allowed`,
      `key: "${at("locked.key")}" holds a key with a passphrase; write it without one`,
    ],
  ];
  for (const [certificate, key, ...sentences] of wrong) {
    const problems = await loadFiles(configuration(folder.path, certificate, key));
    assert(Array.isArray(problems));
    assertEquals(
      problems.map(({ path, message }) => `${path}: ${message}`),
      sentences.map((sentence) => `frontends.main.tls.certificates[0].${sentence}`),
    );
  }
});

test("loadFiles() names the keys of a pool, and knows a key that is where a certificate should be", async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "a.pem"), CERTIFICATE);
  writeFileSync(join(folder.path, "a.key"), KEY);
  const tls = { ca: "none.pem", certificate: "a.key", key: "a.pem" };
  const problems = await loadFiles(configuration(folder.path, "a.pem", "a.key", tls));
  assert(Array.isArray(problems));
  assertEquals(
    problems.map(({ path, line }) => [path, line]),
    [
      ["pools.web.tls.ca", undefined],
      ["pools.web.tls.certificate", undefined],
      ["pools.web.tls.key", undefined],
    ],
  );
});

test("loadFiles() reports at most 20 problems", async () => {
  using folder = temporaryFolder();
  const certificates = Array.from({ length: 30 }, (_, at) => ({
    certificate: `${at}.pem`,
    key: `${at}.key`,
  }));
  const text = JSON.stringify(file({ tls: { certificates } }));
  const result = parseConfiguration(text, join(folder.path, "chorus.json"));
  assert(!Array.isArray(result));
  const problems = await loadFiles(result as BalancerConfiguration);
  assert(Array.isArray(problems));
  assertEquals(problems.length, 20);
});
