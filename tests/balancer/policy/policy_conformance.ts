import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Candidate, Client, Policy } from "../../../src/balancer/contract.ts";
import type { PolicyFactory } from "../../../src/balancer/policy/policies.ts";
import { test } from "../../testing.ts";

/** A backend as a policy sees it, which the test may change. */
export interface Seat extends Candidate {
  weight: number;
  ramp: number;
  active: number;
  available: boolean;
}

/** Nobody has been tried yet. */
export const NOBODY: ReadonlySet<Seat> = new Set();

/** A backend that is available. */
export function seat(name: string, weight = 1): Seat {
  return { name, weight, ramp: 1, active: 0, available: true };
}

/** Backends `10.9.0.0:7000`, `10.9.0.1:7000` and so on. */
export function seats(count: number, weight = 1): Seat[] {
  return Array.from({ length: count }, (_, i) => seat(`10.9.${i >> 8}.${i & 255}:7000`, weight));
}

/** Clients `10.0.0.0`, `10.0.0.1` and so on. */
export function clients(count: number): Client[] {
  return Array.from({ length: count }, (_, i) => ({ host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }));
}

/** A policy that knows `members`. */
export function policyOf(create: PolicyFactory, members: readonly Seat[]): Policy<Seat> {
  const policy = create<Seat>();
  for (const member of members) policy.add(member);
  return policy;
}

/** Picks for a client and counts it, as a pool does. */
export function take(
  policy: Policy<Seat>,
  client: Client,
  except: ReadonlySet<Seat> = NOBODY,
): Seat | undefined {
  const picked = policy.pick(client, except);
  if (!picked) return undefined;
  picked.active += 1;
  if (policy.countsConnections) policy.change(picked);
  return picked;
}

type Step = readonly [
  act: "add" | "remove" | "flip" | "weigh" | "ramp" | "leave" | "pick",
  which: number,
  amount: number,
];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("add", "remove", "flip", "weigh", "ramp", "leave", "pick", "pick", "pick"),
  fc.nat(7),
  fc.nat(1000),
);

/** Does what a pool does, and checks each pick against who may be picked. */
class Model {
  readonly #policy: Policy<Seat>;
  readonly #all = seats(8);
  readonly #members = new Set<Seat>();

  constructor(create: PolicyFactory) {
    this.#policy = create<Seat>();
  }

  run([act, which, amount]: Step): void {
    const one = this.#all[which];
    if (!one) return;
    if (act === "pick") this.#pick(one, amount);
    else if (act === "add" && !this.#members.has(one)) {
      this.#members.add(one);
      this.#policy.add(one);
    } else if (this.#members.has(one)) this.#alter(act, one, amount);
  }

  #alter(act: Step[0], one: Seat, amount: number): void {
    if (act === "remove") {
      this.#members.delete(one);
      this.#policy.remove(one);
      return;
    }
    if (act === "flip") one.available = !one.available;
    if (act === "weigh") one.weight = 0.25 + amount / 50;
    if (act === "ramp") one.ramp = (1 + (amount % 10)) / 10;
    if (act === "leave" && one.active > 0) one.active -= 1;
    this.#policy.change(one);
  }

  /** Excepts `one` and, for an odd amount, its neighbor. */
  #pick(one: Seat, amount: number): void {
    const neighbor = this.#all[(this.#all.indexOf(one) + 1) % this.#all.length];
    const except = new Set(amount % 2 === 1 && neighbor ? [one, neighbor] : [one]);
    const fit = [...this.#members].filter((member) => member.available && !except.has(member));
    const picked = take(this.#policy, { host: `10.0.0.${amount}` }, except);
    if (fit.length === 0) assertEquals(picked, undefined);
    else assert(picked && fit.includes(picked), `picked ${JSON.stringify(picked)}`);
  }
}

/** What every policy promises. */
export function testPolicy(name: string, create: PolicyFactory): void {
  test(`${name} picks an available backend that is not excepted, if there is one, and else none`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model = new Model(create);
        for (const one of steps) model.run(one);
      }),
    );
  });

  test(`${name} spreads clients evenly over backends of equal weight`, () => {
    const members = seats(10, 3);
    const policy = policyOf(create, members);
    for (const client of clients(10_000)) take(policy, client);
    for (const { name: backend, active } of members)
      assert(active > 650 && active < 1400, `${backend} has ${active} of 10000`);
  });

  test(`${name} picks none while it knows no backend`, () => {
    assertEquals(create<Seat>().pick({ host: "10.0.0.1" }, NOBODY), undefined);
  });

  test(`${name} serves all of a pool whose backends have come and gone many times`, () => {
    const policy = create<Seat>();
    for (let round = 0; round < 50; round++) comeAndGo(policy, round);
    const members = seats(7);
    for (const member of members) policy.add(member);
    for (const client of clients(2000)) take(policy, client);
    for (const { name: backend, active } of members) assert(active > 100, `${backend} has ${active} of 2000`);
  });
}

/** What every policy promises but those that say that weights count for nothing. */
export function testWeights(name: string, create: PolicyFactory): void {
  const weight = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0.5, max: 500, noNaN: true }));
  const ramp = fc.integer({ min: 1, max: 10 }).map((tenths) => tenths / 10);
  const change = fc.tuple(fc.nat(4), weight, ramp, fc.boolean());

  test(`${name} gives shares by weight and ramp, whatever they were before`, () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const members = seats(5);
        const policy = policyOf(create, members);
        for (const [which, to, part, available] of changes) {
          Object.assign(members[which] as Seat, { weight: to, ramp: part, available });
          policy.change(members[which] as Seat);
          policy.pick({ host: `${to}` }, NOBODY);
        }
        assertShares(policy, members);
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  test(`${name} goes back to the very shares of before when a ramp is whole again`, () => {
    const members = seats(5, 2);
    const policy = policyOf(create, members);
    const [first] = members as [Seat];
    for (const part of [0.1, 0.5, 0.9, 1]) {
      first.ramp = part;
      policy.change(first);
      assertShares(policy, members);
    }
  });
}

/** Sends clients, who all leave again, and compares: hashes and draws come only near. */
function assertShares(policy: Policy<Seat>, members: readonly Seat[]): void {
  const fit = members.filter(({ available }) => available);
  const total = fit.reduce((sum, { weight, ramp }) => sum + weight * ramp, 0);
  const all = clients(2000).map((client, i) => ({ ...client, key: `user-${i}` }));
  for (const client of all) take(policy, client);
  for (const one of fit) {
    const [share, expected] = [one.active / all.length, (one.weight * one.ramp) / total];
    const context = fit.map(({ weight, ramp }) => `${weight} x ${ramp}`);
    assert(Math.abs(share - expected) < 0.03 + 0.25 * expected, `${share} not ${expected} of ${context}`);
    one.active = 0;
    policy.change(one);
  }
}

function comeAndGo(policy: Policy<Seat>, round: number): void {
  const members = seats(7).map(({ name }) => seat(`${round}-${name}`));
  for (const member of members) policy.add(member);
  for (const client of clients(3)) take(policy, client);
  for (const member of members) policy.remove(member);
}
