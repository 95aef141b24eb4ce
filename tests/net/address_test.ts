import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Address, formatAddress, hostOf, parseAddress } from "../../src/net/mod.ts";
import { test } from "../testing.ts";

const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
const tcp = fc.record({ host, port: fc.integer({ min: 0, max: 65_535 }) }, { noNullPrototype: true });
const unix = fc.record({ path: fc.string({ minLength: 1 }) }, { noNullPrototype: true });

test("parseAddress() reads what formatAddress() writes", () => {
  fc.assert(
    fc.property(fc.oneof(tcp, unix), (address: Address) => {
      assertEquals(parseAddress(formatAddress(address)), address);
    }),
  );
});

for (const text of [
  "",
  "localhost",
  ":80",
  "::1:80",
  "host:65536",
  "host:-1",
  "a b:1",
  "[::1]",
  "unix:",
  "host:1x",
]) {
  test(`parseAddress() says what is wrong with "${text}"`, () => {
    assertEquals(typeof parseAddress(text), "string");
  });
}

test("hostOf() gives a client one host, however its address is written", () => {
  assertEquals(hostOf({ host: "::ffff:10.0.0.1", port: 1 }), "10.0.0.1");
  assertEquals(hostOf({ host: "10.0.0.1", port: 2 }), "10.0.0.1");
  assertEquals(hostOf({ host: "::1", port: 3 }), "::1");
  assertEquals(hostOf({ path: "/run/socket" }), "unix");
});
