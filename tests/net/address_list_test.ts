import { assert, assertEquals } from "@std/assert";
import { AddressList } from "../../src/net/address_list.ts";
import { test } from "../testing.ts";

function list(...texts: string[]): AddressList {
  const parsed = AddressList.parse(texts);
  assert(parsed instanceof AddressList, String(parsed));
  return parsed;
}

test("AddressList holds the addresses of its networks and no others", () => {
  const addresses = list("127.0.0.0/8", "192.168.1.7", "fd00::/8", "::1");
  const inside = ["127.0.0.1", "127.255.255.255", "192.168.1.7", "fd12:3456::1", "::1", "::ffff:127.0.0.1"];
  const outside = ["128.0.0.1", "192.168.1.8", "fe80::1", "::2", "::ffff:128.0.0.1", "unix", "", "localhost"];
  assertEquals(
    [inside.filter((host) => !addresses.has(host)), outside.filter((host) => addresses.has(host))],
    [[], []],
  );
});

test("AddressList of nothing holds nothing, and /0 holds its whole family", () => {
  assertEquals(
    [list().has("127.0.0.1"), list("0.0.0.0/0").has("8.8.8.8"), list("0.0.0.0/0").has("::1")],
    [false, true, false],
  );
});

test("AddressList says of what is no network what was found and what is allowed", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["10.0.0.0/33", '"10.0.0.0/33" has prefix 33; IPv4 prefixes are 0 to 32'],
    ["::/129", '"::/129" has prefix 129; IPv6 prefixes are 0 to 128'],
    ["10.0.0.0/", '"10.0.0.0/" has prefix ; IPv4 prefixes are 0 to 32'],
    ["10.0.0.0/-1", '"10.0.0.0/-1" has prefix -1; IPv4 prefixes are 0 to 32'],
    ["10.0.0", '"10.0.0" is not a network; write 10.0.0.7, 10.0.0.0/8 or fd00::/8'],
    ["1.2.3.4/8/9", '"1.2.3.4/8/9" is not a network; write 10.0.0.7, 10.0.0.0/8 or fd00::/8'],
  ];
  for (const [text, sentence] of wrong) assertEquals(AddressList.parse([text]), sentence);
});
