import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type PolicyFactory, policies } from "../../../src/balancer/policy/policies.ts";
import { test } from "../../testing.ts";
import {
  clients,
  NOBODY,
  policyOf,
  type Seat,
  seat,
  seats,
  take,
  testPolicy,
  testWeights,
} from "./policy_conformance.ts";
import { seeded } from "./seeded.ts";

for (const [name, create] of Object.entries(policies)) {
  testPolicy(name, create);
  if (name !== "round-robin") testWeights(name, () => create(seeded(1)));
}

const { "round-robin": roundRobin, weighted, "least-connections": leastConnections } = policies;

/** The names of the backends of `count` clients in a row. */
function sequence(policy: ReturnType<PolicyFactory>, count: number): string {
  return clients(count)
    .map((client) => policy.pick(client, NOBODY as ReadonlySet<never>)?.name ?? "-")
    .join("");
}

test("round-robin takes turns in the order added", () => {
  assertEquals(sequence(policyOf(roundRobin, [seat("c"), seat("a"), seat("b")]), 7), "cabcabc");
});

test("round-robin goes on with the next one when a backend leaves, and gives one that returns its old place", () => {
  const [a, b, c] = [seat("a"), seat("b"), seat("c")];
  const policy = policyOf(roundRobin, [a, b, c]);
  const before = sequence(policy, 4);
  b.available = false;
  policy.change(b);
  const without = sequence(policy, 3);
  b.available = true;
  policy.change(b);
  assertEquals([before, without, sequence(policy, 3)], ["abca", "cac", "abc"]);
});

test("round-robin keeps the order and the turn when the places of removed backends are given up", () => {
  const many = seats(200);
  const [a, b, c] = [seat("a"), seat("b"), seat("c")];
  const policy = policyOf(roundRobin, [...many.slice(0, 100), a, b, ...many.slice(100), c]);
  for (const client of clients(101)) policy.pick(client, NOBODY);
  for (const one of many) policy.remove(one);
  assertEquals(sequence(policy, 4), "bcab");
});

test("weighted gives weights 5, 1 and 1 exactly 50, 10 and 10 of 70 clients", () => {
  const members = [seat("a", 5), seat("b"), seat("c")];
  const policy = policyOf(weighted, members);
  for (const client of clients(70)) take(policy, client);
  assertEquals(
    members.map(({ active }) => active),
    [50, 10, 10],
  );
});

test("weighted gives every seven clients in a row 5, 1 and 1 by weights 5, 1 and 1", () => {
  const picked = sequence(policyOf(weighted, [seat("a", 5), seat("b"), seat("c")]), 700);
  for (let start = 0; start + 7 <= picked.length; start++)
    assertEquals([...picked.slice(start, start + 7)].sort().join(""), "aaaaabc");
});

test("weighted keeps every backend within two clients of its share at any time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }), (weights) => {
      const members = weights.map((weight, i) => seat(`${i}`, weight));
      const policy = policyOf(weighted, members);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [count, client] of clients(150).entries()) {
        take(policy, client);
        for (const { weight, active } of members)
          assert(
            Math.abs(active - ((count + 1) * weight) / total) < 2,
            `${weights}: ${active} of ${count + 1}`,
          );
      }
    }),
  );
});

test("weighted gives a backend that joins or returns late its share, and not what it has missed", () => {
  const [a, b] = [seat("a"), seat("b")];
  const policy = policyOf(weighted, [a]);
  sequence(policy, 1000);
  policy.add(b);
  const joined = sequence(policy, 10);
  b.available = false;
  policy.change(b);
  sequence(policy, 1000);
  b.available = true;
  policy.change(b);
  const returned = sequence(policy, 10);
  assertEquals([joined, returned], ["bababababa", "bababababa"]);
});

test("weighted goes by a new weight at once", () => {
  const [a, b] = [seat("a"), seat("b")];
  const policy = policyOf(weighted, [a, b]);
  sequence(policy, 11);
  a.weight = 3;
  policy.change(a);
  assertEquals(sequence(policy, 40).replaceAll("b", "").length, 30);
});

test("weighted does not let a backend gain or lose by being away for a moment after each client", () => {
  const [a, b] = [seat("a", 3), seat("b")];
  const policy = policyOf(weighted, [a, b]);
  let taken = 0;
  for (const client of clients(100)) {
    if (policy.pick(client, NOBODY) === b) taken += 1;
    for (const available of [false, true]) {
      b.available = available;
      policy.change(b);
    }
  }
  assertEquals(taken, 25);
});

test("least-connections spreads a burst of 300 clients over 3 backends as 100 each", () => {
  const members = seats(3);
  const policy = policyOf(leastConnections, members);
  for (const client of clients(300)) take(policy, client);
  assertEquals(
    members.map(({ active }) => active),
    [100, 100, 100],
  );
});

test("least-connections fills backends by their weights, whatever the unit of the weights is", () => {
  for (const unit of [0.001, 1, 7, 20_000]) {
    const members = [seat("a", 5 * unit), seat("b", unit), seat("c", unit)];
    const policy = policyOf(leastConnections, members);
    for (const client of clients(70)) take(policy, client);
    assertEquals(
      members.map(({ active }) => active),
      [50, 10, 10],
    );
  }
});

test("least-connections goes by a new weight at once", () => {
  const [a, b, c] = [seat("a"), seat("b"), seat("c")];
  const policy = policyOf(leastConnections, [a, b, c]);
  for (const client of clients(6)) take(policy, client);
  a.weight = 5;
  policy.change(a);
  for (const client of clients(64)) take(policy, client);
  assertEquals([a.active, b.active, c.active], [50, 10, 10]);
});

test("least-connections fills by weights whose quotients are not exact", () => {
  const [a, b] = [seat("a", 0.3), seat("b", 0.1)];
  const policy = policyOf(leastConnections, [a, b]);
  for (const client of clients(4)) take(policy, client);
  assertEquals([a.active, b.active], [3, 1]);
});

test("least-connections picks the one that lost its clients until it has as many as the others", () => {
  const members = seats(4);
  const policy = policyOf(leastConnections, members);
  for (const client of clients(40)) take(policy, client);
  const [one] = members as [Seat];
  one.active = 0;
  policy.change(one);
  const next = clients(10).map((client) => take(policy, client));
  assert(next.every((picked) => picked === one));
});

test("least-connections knows the one with fewer connections, however many they are beside a far larger weight", () => {
  const [heavy, full, free] = [seat("heavy", 1_000_000), seat("full"), seat("free")];
  const policy = policyOf(leastConnections, [heavy, full, free]);
  for (const [one, active] of [
    [heavy, 0],
    [full, 100_000],
    [free, 99_000],
  ] as const) {
    Object.assign(one, { active, available: one !== heavy });
    policy.change(one);
  }
  for (const client of clients(1000)) take(policy, client);
  assertEquals([full.active, free.active], [100_000, 100_000]);
});

test("least-connections picks one of the fewest whole steps of the largest weight, for all weights and connections", () => {
  const weight = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 1_000_000 }));
  const active = fc.oneof(fc.nat(20), fc.nat(100_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(weight, active), { minLength: 2, maxLength: 8 }), (all) => {
      const members = all.map(([weight, active], i) => ({ ...seat(`${i}`, weight), active }));
      const policy = policyOf(leastConnections, members);
      const unit = BigInt(Math.max(...members.map(({ weight }) => weight)));
      const load = (one: Seat): bigint => (BigInt(one.active) * unit) / BigInt(one.weight);
      const except = new Set<Seat>();
      for (const least of members.map(load).sort((a, b) => Number(a - b))) {
        const picked = policy.pick({ host: "" }, except);
        assertEquals(picked && load(picked), least);
        if (picked) except.add(picked);
      }
    }),
  );
});

test("least-connections takes turns among idle backends", () => {
  const policy = policyOf(leastConnections, [seat("a"), seat("b"), seat("c")]);
  assertEquals(sequence(policy, 7), "abcabca");
});

test("least-connections always picks one with the least load", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.boolean()), { maxLength: 100 }), (steps) => {
      const members = seats(5);
      const policy = policyOf(leastConnections, members);
      for (const [which, isLeaving] of steps) {
        const leaving = isLeaving ? members[which] : undefined;
        if (leaving && leaving.active > 0) {
          leaving.active -= 1;
          policy.change(leaving);
        }
        const least = Math.min(...members.map(({ active }) => active));
        assertEquals(policy.pick({ host: "" }, NOBODY)?.active, least);
        take(policy, { host: "" });
      }
    }),
  );
});

test("round-robin counts weights and ramps for nothing", () => {
  const [a, b] = [seat("a", 5), seat("b")];
  const policy = policyOf(roundRobin, [a, b]);
  a.ramp = 0.1;
  policy.change(a);
  assertEquals(sequence(policy, 6), "ababab");
});

test("least-connections gives one that starts slowly a tenth of what the others have, and no more until it is further", () => {
  const members = seats(3);
  const policy = policyOf(leastConnections, members);
  for (const client of clients(300)) take(policy, client);
  const late = seat("late");
  late.ramp = 0.1;
  policy.add(late);
  for (const client of clients(100)) take(policy, client);
  assertEquals([late.active, members.map(({ active }) => active)], [13, [129, 129, 129]]);
});
