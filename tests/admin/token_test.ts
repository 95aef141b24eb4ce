import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AdminToken } from "../../src/admin/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";

test("AdminToken.open() makes a random token that only its owner may read, and reads it the next time", () => {
  using folder = temporaryFolder();
  const [file, other] = [join(folder.path, "token"), join(folder.path, "other")];
  const made = AdminToken.open(file);
  assert(made instanceof AdminToken && made.isNew);
  assertEquals(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, "utf8").trim();
  assertMatch(text, /^[\w-]{43}$/);
  const read = AdminToken.open(file);
  assert(read instanceof AdminToken && !read.isNew);
  for (const token of [made, read]) {
    assert(token.matches(text));
    assert(!token.matches(`${text}x`) && !token.matches(text.slice(1)) && !token.matches(""));
  }
  AdminToken.open(other);
  assert(readFileSync(other, "utf8").trim() !== text);
});

test("AdminToken.open() refuses a file that others than its owner may use, with its mode", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "token");
  AdminToken.open(file);
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    chmodSync(file, mode);
    const found = AdminToken.open(file);
    assertStringIncludes(String(found), `may use it (mode 0${mode.toString(8)}); make it 0600`);
  }
  chmodSync(file, 0o400);
  assert(AdminToken.open(file) instanceof AdminToken);
});

test("AdminToken.open() refuses what is no token, and a folder that is not there, with the file's name", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "token");
  for (const content of [
    "",
    "\n",
    "too-short",
    "has a space in the middle",
    "x".repeat(1025),
    "é".repeat(20),
  ]) {
    writeFileSync(file, content, { mode: 0o600 });
    assertStringIncludes(String(AdminToken.open(file)), `${file}: a token is one line of 16 to 1024`);
  }
  writeFileSync(file, "x".repeat(100_000));
  assertStringIncludes(String(AdminToken.open(file)), "it has 100000 bytes");
  const missing = join(folder.path, "nowhere", "token");
  assertStringIncludes(String(AdminToken.open(missing)), `${missing}: ENOENT`);
  assertStringIncludes(String(AdminToken.open(folder.path)), folder.path);
});
