import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Client, Policy } from "../../../src/balancer/contract.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import { test } from "../../testing.ts";
import { clients, NOBODY, policyOf, type Seat, seat, seats } from "./policy_conformance.ts";

const { "ip-hash": ipHash } = policies;
const MANY: readonly Client[] = clients(5000);

function namesOf(policy: Policy<Seat>): (string | undefined)[] {
  return MANY.map((client) => policy.pick(client, NOBODY)?.name);
}

/** The part of the clients that `isSo` says yes to. */
function shareOf(isSo: (index: number) => boolean): number {
  return MANY.filter((_, index) => isSo(index)).length / MANY.length;
}

function setAvailable(policy: Policy<Seat>, one: Seat, available: boolean): void {
  one.available = available;
  policy.change(one);
}

test("ip-hash gives a client the same backend each time", () => {
  const policy = policyOf(ipHash, seats(10));
  assertEquals(namesOf(policy), namesOf(policy));
});

test("ip-hash agrees with another one of the same backends, whatever happened before", () => {
  const plain = policyOf(ipHash, seats(12));
  const members = seats(14);
  const eventful = policyOf(ipHash, members.toReversed());
  for (const [i, one] of members.entries()) {
    one.weight = 1000 * (1 + i);
    eventful.change(one);
    namesOf(eventful);
    setAvailable(eventful, one, false);
    if (i >= 12) eventful.remove(one);
    one.weight = 1;
    setAvailable(eventful, one, true);
  }
  assertEquals(namesOf(eventful), namesOf(plain));
});

test("ip-hash moves only the clients of a backend that is not available, to all the others, and they come back", () => {
  const members = seats(10);
  const policy = policyOf(ipHash, members);
  const before = namesOf(policy);
  const [gone] = members as [Seat];
  setAvailable(policy, gone, false);
  const without = namesOf(policy);
  setAvailable(policy, gone, true);
  assertEquals(namesOf(policy), before);
  for (const [i, name] of without.entries())
    assert(name !== gone.name && (name === before[i] || before[i] === gone.name));
  assertEquals(new Set(without.filter((_, i) => before[i] === gone.name)).size, 9);
});

test("ip-hash gives a client who was refused the backend that it would have without the refusing one", () => {
  const members = seats(5);
  const policy = policyOf(ipHash, members);
  const [gone] = members as [Seat];
  const retried = MANY.map((client) => policy.pick(client, new Set([gone]))?.name);
  setAvailable(policy, gone, false);
  assertEquals(retried, namesOf(policy));
});

test("ip-hash moves about one client in n when one of n backends is added, all of them to it, and back when it is removed", () => {
  const policy = policyOf(ipHash, seats(9));
  const before = namesOf(policy);
  const added = seat("10.9.9.9:7000");
  policy.add(added);
  const after = namesOf(policy);
  for (const [i, name] of after.entries()) assert(name === before[i] || name === added.name);
  const moved = shareOf((i) => after[i] !== before[i]);
  assert(moved > 0.07 && moved < 0.13, `moved ${moved}`);
  policy.remove(added);
  assertEquals(namesOf(policy), before);
});

test("ip-hash gives shares by weight, whatever the unit of the weights is", () => {
  for (const unit of [1 / 1024, 1, 4096]) {
    const policy = policyOf(ipHash, [seat("a", 6 * unit), seat("b", 3 * unit), seat("c", unit)]);
    const names = namesOf(policy);
    const shares = ["a", "b", "c"].map((name) => shareOf((i) => names[i] === name));
    for (const [i, expected] of [0.6, 0.3, 0.1].entries())
      assert(Math.abs((shares[i] ?? 0) - expected) < 0.05, `${unit}: ${shares}`);
  }
});

test("ip-hash gives one that starts slowly a growing part of its own clients, and moves no others", () => {
  const members = seats(10);
  const policy = policyOf(ipHash, members);
  const whole = namesOf(policy);
  const [slow] = members as [Seat];
  let mine = new Set<number>();
  for (const part of [0.1, 0.4, 0.7, 1]) {
    slow.ramp = part;
    policy.change(slow);
    const now = namesOf(policy);
    const taken = new Set(now.keys().filter((i) => now[i] === slow.name));
    for (const [i, name] of now.entries())
      assert(name === whole[i] || (whole[i] === slow.name && name !== slow.name));
    assert(mine.isSubsetOf(taken));
    mine = taken;
  }
  assertEquals(namesOf(policy), whole);
});

test("ip-hash agrees with another one, though one of its backends started slowly while the ring was changed", () => {
  const members = seats(6);
  const policy = policyOf(ipHash, members);
  const [slow, heavy] = members as [Seat, Seat];
  slow.ramp = 0.3;
  policy.change(slow);
  namesOf(policy);
  heavy.weight = 4;
  policy.change(heavy);
  const late = namesOf(policy);
  slow.ramp = 1;
  policy.change(slow);
  const plain = seats(6);
  (plain[1] as Seat).weight = 4;
  const before = namesOf(policyOf(ipHash, plain));
  assertEquals(namesOf(policy), before);
  for (const [i, name] of late.entries()) assert(name === before[i] || before[i] === slow.name);
});

test("ip-hash gives all clients to the only backend that is left", () => {
  const members = seats(10);
  const policy = policyOf(ipHash, members);
  namesOf(policy);
  for (const one of members.slice(1)) setAvailable(policy, one, false);
  assertEquals(new Set(namesOf(policy)), new Set([members[0]?.name]));
});

test("ip-hash moves clients to the one that got more weight, and no others", () => {
  const members = seats(10);
  const policy = policyOf(ipHash, members);
  const before = namesOf(policy);
  const [heavier] = members as [Seat];
  heavier.weight = 2;
  policy.change(heavier);
  const after = namesOf(policy);
  for (const [i, name] of after.entries()) assert(name === before[i] || name === heavier.name);
  const share = shareOf((i) => after[i] === heavier.name);
  assert(Math.abs(share - 2 / 11) < 0.04, `has ${share}`);
});

test("ip-hash goes by the whole address, so that one network is spread over all backends", () => {
  const policy = policyOf(ipHash, seats(5));
  const network = Array.from({ length: 256 }, (_, i) =>
    policy.pick({ host: `2001:db8::1:${i.toString(16)}` }, NOBODY),
  );
  const counts = seats(5).map(({ name }) => network.filter((one) => one?.name === name).length);
  assert(
    counts.every((count) => count > 20),
    `${counts}`,
  );
});

test("ip-hash walks over any set of unavailable backends to the one that would be next without them", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(9), { maxLength: 9 }), fc.ipV4(), (down, host) => {
      const members = seats(10);
      const policy = policyOf(ipHash, members);
      policy.pick({ host }, NOBODY);
      const up = members.filter((_, i) => !down.includes(i));
      for (const i of down) setAvailable(policy, members[i] as Seat, false);
      assertEquals(policy.pick({ host }, NOBODY)?.name, policyOf(ipHash, up).pick({ host }, NOBODY)?.name);
    }),
    { numRuns: 50 },
  );
});
