import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Address, formatAddress, hostOf, networkOf, parseAddress } from "../../src/net/mod.ts";
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
  "=127.0.0.1:80",
  "a,b:80",
  "http//host:80",
  "*:80",
  "[:]:80",
  "[10.0.0.1]:80",
]) {
  test(`parseAddress() says what is wrong with "${text}"`, () => {
    assertEquals(typeof parseAddress(text), "string");
  });
}

for (const name of ["db_1.internal", "xn--bcher-kva.example", "bücher.example", "a-1", "10.0.0.1"])
  test(`parseAddress() takes "${name}" for a host`, () => {
    assertEquals(parseAddress(`${name}:80`), { host: name, port: 80 });
  });

const NETWORKS: readonly (readonly [host: string, network: string])[] = [
  ["10.0.0.1", "10.0.0.1"],
  ["unix", "unix"],
  ["", ""],
  ["::1", "::1"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:DB8:0000:0:abcd::", "2001:db8:0:0::/64"],
  ["2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64"],
  ["2001:db8:0:07::", "2001:db8:0:7::/64"],
  ["2001::7:1:2:3:4", "2001:0:0:7::/64"],
  ["1::a:b:c:d:10.0.0.1", "1:0:a:b::/64"],
  ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
  ["fe80::1%eth0", "fe80::1%eth0"],
  ["fe80::1", "fe80::1"],
  ["64:ff9b::10.0.0.1", "64:ff9b::10.0.0.1"],
];

for (const [host, network] of NETWORKS)
  test(`networkOf() counts "${host}" as "${network}"`, () => assertEquals(networkOf(host), network));

test("hostOf() gives a client one host, however its address is written", () => {
  assertEquals(hostOf({ host: "::ffff:10.0.0.1", port: 1 }), "10.0.0.1");
  assertEquals(hostOf({ host: "10.0.0.1", port: 2 }), "10.0.0.1");
  assertEquals(hostOf({ host: "::1", port: 3 }), "::1");
  assertEquals(hostOf({ path: "/run/socket" }), "unix");
});
