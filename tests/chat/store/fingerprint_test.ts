import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { fingerprintOf } from "../../../src/chat/store/fingerprint.ts";
import { test } from "../../testing.ts";

test("fingerprintOf() is the same on every runtime: the length above the CRC-32", () => {
  assertEquals(fingerprintOf("123456789"), 9 * 2 ** 32 + 0xcb_f4_39_26);
  assertEquals(fingerprintOf(""), 0);
});

test("fingerprintOf() tells texts apart that differ in one character, or in how often it is there", () => {
  assertNotEquals(fingerprintOf("meet at 5"), fingerprintOf("meet at 6"));
  assertNotEquals(fingerprintOf("\0"), fingerprintOf("\0\0"));
  assertNotEquals(fingerprintOf("é"), fingerprintOf("è"));
});

test("fingerprintOf() is a safe integer for the longest text", () => {
  assert(Number.isSafeInteger(fingerprintOf("ÿ".repeat(65_536))));
});
