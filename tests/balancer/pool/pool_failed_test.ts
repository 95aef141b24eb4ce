import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../../src/async/mod.ts";
import type { PolicyName } from "../../../src/balancer/contract.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import type { Lease, Pool } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, miss, picks, poolOf } from "./pools.ts";

test("Pool.failed() counts one missed heartbeat between two probes, however many clients fail", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  const lease = pool.acquire(CLIENT) as Lease;
  for (let i = 0; i < 10; i++) pool.failed(lease);
  assertEquals([at(pool, "a").state(), at(pool, "a").health.missed], ["suspect", 1]);
  miss(pool, at(pool, "a"), 2);
  assertEquals(at(pool, "a").state(), "down");
});

test("clients' failures alone never put out more than half of a pool", () => {
  const pool = poolOf([{}, {}, {}, {}, {}], { heartbeat: { threshold: 1 }, clock: new ManualClock() });
  for (let i = 0; i < 20; i++) {
    const lease = pool.acquire(CLIENT);
    if (lease) pool.failed(lease);
  }
  assertEquals([...pool.backends()].filter((backend) => backend.state() === "down").length, 2);
});

test("a pool of one stays in use however many clients fail", () => {
  const pool = poolOf([{ name: "a" }], { heartbeat: { threshold: 1 }, clock: new ManualClock() });
  pool.failed(pool.acquire(CLIENT) as Lease);
  assertEquals(picks(pool, 1), ["a"]);
});

test("backends that are down by their own heartbeat are not among those of which half must stay", () => {
  const pool = poolOf([{}, {}, {}, {}, {}], { heartbeat: { threshold: 1 }, clock: new ManualClock() });
  const [first, second, third] = [...pool.backends()];
  miss(pool, first as Backend, 1);
  for (const one of [second, third]) failAt(pool, one as Backend);
  assertEquals(held(pool), 2);
  miss(pool, second as Backend, 1);
  for (const one of pool.backends()) failAt(pool, one);
  assertEquals(held(pool), 1);
});

test("the last backend that could serve stays in use, though others are down by their own heartbeats", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }, { name: "c" }], {
    heartbeat: { threshold: 1 },
    clock: new ManualClock(),
  });
  for (const name of ["a", "b"]) miss(pool, at(pool, name), 1);
  failAt(pool, at(pool, "c"));
  assertEquals(picks(pool, 1), ["c"]);
});

test("a client's failure at a backend that is down by its own heartbeat does not hold it", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }, { name: "c" }], {
    heartbeat: { threshold: 1 },
    clock: new ManualClock(),
  });
  const late = pool.acquire(CLIENT) as Lease;
  miss(pool, at(pool, "a"), 1);
  pool.failed(late);
  assertEquals([at(pool, "a").isHeld, at(pool, "a").counters.connectFailures], [false, 1]);
});

test("two clients' failures in two intervals bring down a backend that misses its own heartbeats, too", () => {
  const pool = poolOf([{ name: "a" }]);
  const lease = pool.acquire(CLIENT) as Lease;
  pool.failed(lease);
  miss(pool, at(pool, "a"), 1);
  pool.beat(at(pool, "a"), "sent");
  pool.failed(lease);
  assertEquals([at(pool, "a").state(), at(pool, "a").isHeld], ["down", false]);
});

/** A client of that backend, which must take one, fails. */
function failAt(pool: Pool, backend: Backend): void {
  const others = new Set([...pool.backends()].filter((one) => one !== backend));
  const lease = pool.acquire(CLIENT, others);
  if (!lease) return;
  pool.failed(lease);
  lease[Symbol.dispose]();
}

/** How many backends are held. */
function held(pool: Pool): number {
  return [...pool.backends()].filter(({ isHeld }) => isHeld).length;
}

type Step = readonly [
  act: "acquire" | "dispose" | "fail" | "miss" | "answer" | "admin" | "remove",
  which: number,
];

test("active returns to 0 after any interleaving, and only available backends are picked", () => {
  const act = fc.constantFrom<Step[0]>(
    "acquire",
    "acquire",
    "acquire",
    "dispose",
    "fail",
    "miss",
    "answer",
    "admin",
    "remove",
  );
  const policy = fc.constantFrom(...(Object.keys(policies) as PolicyName[]));
  fc.assert(
    fc.property(policy, fc.array(fc.tuple(act, fc.nat(5)), { maxLength: 100 }), (name, steps) => {
      const pool = poolOf([{ maxConnections: 3 }, {}, { weight: 3 }, { weight: 0 }, { backup: true }], {
        policy: name,
        clock: new ManualClock(),
      });
      const all = [...pool.backends()];
      const leases: Lease[] = [];
      for (const one of steps) run(pool, all, leases, one);
      for (const lease of leases) lease[Symbol.dispose]();
      assert(all.every(({ active }) => active === 0));
      pool[Symbol.dispose]();
    }),
  );
});

function run(pool: Pool, all: readonly Backend[], leases: Lease[], [act, which]: Step): void {
  const backend = all[which % all.length] as Backend;
  const lease = leases[which];
  if (act === "acquire") take(pool, leases);
  else if (act === "dispose") lease?.[Symbol.dispose]();
  else if (act === "fail" && lease) pool.failed(lease);
  else if (act === "miss") miss(pool, backend, 1 + which);
  else if (act === "answer") pool.beat(backend, "answered");
  else if (act === "admin") pool.change(backend.name, { admin: which % 2 === 0 ? "draining" : "enabled" });
  else if (act === "remove" && which === 5) pool.remove(backend.name);
}

function take(pool: Pool, leases: Lease[]): void {
  const fit = [...pool.backends()].filter(({ available }) => available);
  const lease = pool.acquire(CLIENT);
  assert(lease ? fit.includes(lease.backend) : fit.length === 0);
  if (lease) leases.push(lease);
}
