import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { random } from "../../../src/balancer/policy/random.ts";
import { twoChoices } from "../../../src/balancer/policy/two_choices.ts";
import { test } from "../../testing.ts";
import { clients, NOBODY, policyOf, type Seat, seat, seats, take } from "./policy_conformance.ts";
import { seeded } from "./seeded.ts";

const CLIENT = { host: "10.0.0.1" };

/** Whether `count` of `all` is what a chance of `share` gives but once in many million runs. */
function assertShare(count: number, all: number, share: number, context: string): void {
  const deviation = Math.sqrt(all * share * (1 - share));
  assert(
    Math.abs(count - all * share) <= 6 * deviation + 1,
    `${context}: ${count} of ${all}, share ${share}`,
  );
}

test("random gives every backend a share by its weight, whatever the weights are and however often they changed", () => {
  const weight = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.double({ min: 0.001, max: 1e6, noNaN: true }));
  const change = fc.tuple(fc.nat(7), weight, fc.boolean());
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.integer(), (changes, seed) => {
      const members = seats(8);
      const policy = policyOf(() => random(seeded(seed)), members);
      for (const [which, to, available] of changes) {
        Object.assign(members[which] as Seat, { weight: to, available });
        policy.change(members[which] as Seat);
      }
      const fit = members.filter(({ available }) => available);
      const total = fit.reduce((sum, one) => sum + one.weight, 0);
      for (const client of clients(2000)) take(policy, client);
      for (const one of fit) assertShare(one.active, 2000, one.weight / total, `${fit.map((s) => s.weight)}`);
    }),
    { numRuns: 50, seed: 1 },
  );
});

test("random and two-choices pick what their source of numbers says, and always end, whatever it says", () => {
  for (const policy of [random, twoChoices]) {
    for (const number of [0, 0.25, 0.5, 0.999, 1 - Number.EPSILON / 2]) {
      const members = [seat("a", 1.1), seat("b", 4.1), seat("c", 1e-9)];
      const picked = policyOf(() => policy(() => number), members).pick(CLIENT, NOBODY);
      assert(picked && members.includes(picked), `picked ${picked?.name}`);
    }
    const names = () => clients(50).map((client) => again().pick(client, NOBODY)?.name);
    const again = () => policyOf(() => policy(seeded(5)), seats(9));
    assertEquals(names(), names());
  }
});

test("two-choices picks the one of two backends that has fewer connections for its weight", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 9 })), { minLength: 2, maxLength: 2 }),
      (rows) => {
        const members = rows.map(([active, weight], i) => ({ ...seat(`${i}`, weight), active }));
        const picked = policyOf(twoChoices, members).pick(CLIENT, NOBODY);
        const loads = members.map(({ active, weight }) => active / weight);
        assert(picked && picked.active / picked.weight <= Math.min(...loads) + 1e-9);
      },
    ),
  );
});

test("two-choices spreads a burst far more evenly than random", () => {
  const [most, least] = [twoChoices, random].map((policy) => {
    const members = seats(100);
    const one = policyOf(() => policy(seeded(7)), members);
    for (const client of clients(10_000)) take(one, client);
    return Math.max(...members.map(({ active }) => active));
  });
  assert(most !== undefined && least !== undefined && most <= 105 && least >= 115, `${most} and ${least}`);
});

test("two-choices fills backends by their weights", () => {
  const members = [seat("a", 5), seat("b"), seat("c"), seat("d", 3)];
  const policy = policyOf(() => twoChoices(seeded(3)), members);
  for (const client of clients(10_000)) take(policy, client);
  for (const { name, active, weight } of members)
    assert(Math.abs(active - weight * 1000) < 50, `${name} of weight ${weight} has ${active}`);
});

test("two-choices gives a backend that comes back idle no more than its two draws in the pool", () => {
  const members = seats(10);
  const policy = policyOf(() => twoChoices(seeded(11)), members);
  for (const client of clients(1000)) take(policy, client);
  const [idle] = members as [Seat];
  idle.active = 0;
  for (const client of clients(100)) take(policy, client);
  assert(idle.active > 5 && idle.active < 45, `has ${idle.active} of 100`);
});
