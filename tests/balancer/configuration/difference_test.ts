import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { BalancerConfiguration } from "../../../src/balancer/configuration/contract.ts";
import {
  type Changes,
  changedFiles,
  difference,
  isSame,
  sameFrontend,
  samePool,
} from "../../../src/balancer/configuration/difference.ts";
import { test } from "../../testing.ts";
import { file, parsed } from "./configurations.ts";

const name = fc.constantFrom("a", "b", "c", "d");
const frontend = fc.record(
  {
    listen: fc.constant("127.0.0.1:0"),
    pool: fc.constantFrom("p", "q"),
    access: fc.record({ deny: fc.constantFrom(["10.0.0.0/8"], ["10.0.0.0/8", "::1"]) }, { requiredKeys: [] }),
    timeouts: fc.record({ idle: fc.constantFrom("1h", "60m", "2h") }, { requiredKeys: [] }),
  },
  { requiredKeys: ["listen", "pool"] },
);
const pool = fc.record(
  {
    policy: fc.constantFrom("random", "weighted"),
    backends: fc.constantFrom(["h:1"], ["h:1,weight=2"], [{ address: "h:1", weight: 2 }], ["h:1", "h:2"]),
    connections: fc.record({ onDown: fc.constantFrom("keep", { spread: "5s" }, { spread: "5000ms" }) }),
    slowStart: fc.constantFrom("1s", "2s"),
  },
  { requiredKeys: ["policy"] },
);
const whole = fc.record({
  frontends: fc.dictionary(name, frontend, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
  pools: fc
    .dictionary(name, pool, { maxKeys: 4, noNullPrototype: true })
    .map((pools) => ({ p: {}, q: {}, ...pools })),
});

/** The same with the keys of every object the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, reversed(item)]));
}

/** Does to a map what the changes say. */
function applied<T extends { readonly name: string }>(
  before: ReadonlyMap<string, T>,
  { added, removed, changed }: Changes<T>,
): Map<string, T> {
  const after = new Map(before);
  for (const { name: gone } of removed) assert(after.delete(gone));
  for (const value of added) {
    assert(!after.has(value.name));
    after.set(value.name, value);
  }
  for (const { before: old, after: value } of changed) {
    assertEquals(after.get(old.name), old);
    after.set(value.name, value);
  }
  return after;
}

function isNothing({ frontends, pools, others }: ReturnType<typeof difference>): boolean {
  const all = [frontends, pools].flatMap(({ added, removed, changed }) => [added, removed, changed]);
  return all.every((list) => list.length === 0) && others.length === 0;
}

test("difference() finds nothing between a configuration and the same with its keys in another order", () => {
  fc.assert(
    fc.property(whole, (value) => assert(isNothing(difference(parsed(value), parsed(reversed(value)))))),
  );
});

test("difference() says exactly what makes the one configuration the other", () => {
  fc.assert(
    fc.property(whole, whole, (one, other) => {
      const [before, after] = [parsed(one), parsed(other)];
      const { frontends, pools } = difference(before, after);
      const [reached, reachedPools] = [
        applied(before.frontends, frontends),
        applied(before.pools, pools),
      ] as const;
      assertEquals([...reached.keys()].sort(), [...after.frontends.keys()].sort());
      assertEquals([...reachedPools.keys()].sort(), [...after.pools.keys()].sort());
      for (const value of after.frontends.values()) {
        const found = reached.get(value.name);
        assert(found && sameFrontend(found, value));
      }
      for (const value of after.pools.values()) {
        const found = reachedPools.get(value.name);
        assert(found && samePool(found, value));
      }
      for (const { before: old, after: value } of pools.changed) assert(!samePool(old, value));
    }),
  );
});

test("difference() the other way round adds what was removed and removes what was added", () => {
  const names = (values: readonly { readonly name: string }[]): string[] =>
    values.map((value) => value.name).sort();
  fc.assert(
    fc.property(whole, whole, (one, other) => {
      const there = difference(parsed(one), parsed(other)).pools;
      const back = difference(parsed(other), parsed(one)).pools;
      assertEquals([names(there.added), names(there.removed)], [names(back.removed), names(back.added)]);
    }),
  );
});

test("difference() tells the networks of two lists apart", () => {
  const denying = (deny: string): BalancerConfiguration => parsed(file({ access: { deny: [deny] } }));
  assertEquals(difference(denying("10.0.0.0/8"), denying("10.0.0.0/9")).frontends.changed.length, 1);
});

test("difference() names the other keys that say something else", () => {
  const before = parsed(file());
  const rest = { admin: { listen: "none" }, redis: "redis://h", grace: "6s", limits: { maxConnections: 5 } };
  assertEquals(difference(before, parsed(file({}, {}, rest))).others, [
    "admin",
    "redis",
    "limits",
    "graceMs",
  ]);
});

test("difference() counts a frontend or pool as changed when the text of one of its files is another one", () => {
  const certificates = [{ certificate: "a.pem", key: "a.key" }];
  const configuration = parsed(file({ tls: { certificates } }, { tls: { ca: "ca.pem" } }));
  const loaded = (text: string): ReadonlyMap<string, string> =>
    new Map([
      ["/etc/chorus/a.pem", "1"],
      ["/etc/chorus/a.key", text],
    ]);
  const files = changedFiles(loaded("1"), loaded("2"));
  assertEquals([...files], ["/etc/chorus/a.key"]);
  const { frontends, pools } = difference(configuration, configuration, files);
  assertEquals([frontends.changed.length, pools.changed.length], [1, 0]);
  const ofPool = difference(configuration, configuration, new Set(["/etc/chorus/ca.pem"]));
  assertEquals([ofPool.frontends.changed.length, ofPool.pools.changed.length], [0, 1]);
});

test("changedFiles() leaves out a file that only one of both knows", () => {
  assertEquals(changedFiles(new Map([["a", "1"]]), new Map([["b", "1"]])).size, 0);
});

test("isSame() takes an absent key for one that is undefined, and a list for no object", () => {
  assertEquals(
    [
      isSame({ a: undefined }, {}),
      isSame([1, 2], [2, 1]),
      isSame([], {}),
      isSame({ a: [{ b: 1 }] }, { a: [{ b: 1 }] }),
      isSame({ a: 1 }, { b: 1 }),
      isSame({}, { b: 1 }),
      isSame(Number.NaN, Number.NaN),
    ],
    [true, false, false, true, false, false, true],
  );
});
