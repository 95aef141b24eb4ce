import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import type { Client, PolicyName } from "../../../src/balancer/contract.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";
import { at, miss, PORT, poolOf } from "./pools.ts";

const SLOW_MS = 9000;
const WEIGHTED = (Object.keys(policies) as PolicyName[]).filter((policy) => policy !== "round-robin");

function lab(policy: PolicyName = "weighted", slowStartMs = SLOW_MS): { clock: ManualClock; pool: Pool } {
  const clock = new ManualClock();
  const specs = ["a", "b", "c", "d"].map((name) => ({ name, weight: 2 }));
  return { clock, pool: poolOf(specs, { policy, slowStartMs, clock }) };
}

function comeUp(pool: Pool, name: string): void {
  for (let i = 0; i < 2; i++) pool.beat(at(pool, name), "answered");
}

/** The part of many clients that `a` gets, who all leave again. */
function shareOf(pool: Pool, name = "a"): number {
  const leases = Array.from(
    { length: 4000 },
    (_, i): Client => ({ host: `10.${i >> 8}.${i & 255}.1`, key: `${i}` }),
  ).map((client) => pool.acquire(client));
  const count = leases.filter((lease) => lease?.backend.name === name).length;
  for (const lease of leases) lease?.[Symbol.dispose]();
  return count / leases.length;
}

for (const policy of WEIGHTED) {
  test(`${policy} gives a backend that was down a tenth of its share, and more by and by until it has the whole`, () => {
    const { clock, pool } = lab(policy);
    miss(pool, at(pool, "a"));
    comeUp(pool, "a");
    const shares = [shareOf(pool)];
    for (let i = 0; i < 9; i++) {
      clock.advance(SLOW_MS / 9);
      shares.push(shareOf(pool));
    }
    for (const [i, share] of shares.entries()) {
      const part = (i + 1) / 10;
      const expected = part / (part + 3);
      assert(Math.abs(share - expected) < 0.05, `${share} rather than ${expected} after ${i} steps`);
    }
    assertEquals([at(pool, "a").ramp, at(pool, "a").weight, clock.pending], [1, 2, 0]);
  });
}

test("a backend that joins while others are up starts slowly, and those that were there first do not", () => {
  const { clock, pool } = lab();
  assertEquals(
    [...pool.backends()].map(({ ramp }) => ramp),
    [1, 1, 1, 1],
  );
  const late = pool.add({ name: "late", address: { host: "10.9.0.9", port: PORT } });
  assertEquals(late.ramp, 1);
  pool.beat(late, "answered");
  assertEquals(late.ramp, 0.1);
  clock.advance(SLOW_MS / 2);
  assertEquals(late.ramp, 0.5);
  clock.advance(SLOW_MS / 2);
  assertEquals(late.ramp, 1);
});

test("a backend starts slowly when the time of its hold is over", () => {
  const clock = new ManualClock();
  const options = { policy: "weighted", slowStartMs: SLOW_MS, clock, heartbeat: { threshold: 1 } } as const;
  const pool = poolOf([{ name: "a" }, { name: "b" }], options);
  const lease = pool.acquire({ host: "10.0.0.1" });
  assert(lease);
  pool.failed(lease);
  clock.advance(10_000);
  assertEquals([lease.backend.state(), lease.backend.ramp], ["suspect", 0.1]);
});

test("a backend that goes down while it starts slowly begins again when it comes up", () => {
  const { clock, pool } = lab();
  const a = at(pool, "a");
  miss(pool, a);
  comeUp(pool, "a");
  clock.advance(SLOW_MS / 2);
  miss(pool, a);
  assertEquals(clock.pending, 0);
  comeUp(pool, "a");
  assertEquals(a.ramp, 0.1);
});

test("a backend that is only suspect, or drains for a while, does not start slowly", () => {
  const { pool } = lab();
  miss(pool, at(pool, "a"), 2);
  pool.beat(at(pool, "a"), "answered");
  pool.change("b", { admin: "draining" });
  pool.change("b", { admin: "enabled" });
  assertEquals([at(pool, "a").ramp, at(pool, "b").ramp], [1, 1]);
});

test("nothing starts slowly unless it is asked for, and what does ends when it is turned off", () => {
  const { clock, pool } = lab("weighted", 0);
  miss(pool, at(pool, "a"));
  comeUp(pool, "a");
  assertEquals(at(pool, "a").ramp, 1);
  pool.configure({ slowStartMs: 1000 });
  miss(pool, at(pool, "a"));
  comeUp(pool, "a");
  assertEquals(at(pool, "a").ramp, 0.1);
  pool.configure({ slowStartMs: 0, policy: "round-robin" });
  assertEquals([at(pool, "a").ramp, clock.pending], [1, 0]);
  assert(Math.abs(shareOf(pool) - 0.25) < 0.01);
});

test("a new weight counts at once while a backend starts slowly", () => {
  const { pool } = lab();
  miss(pool, at(pool, "a"));
  comeUp(pool, "a");
  pool.change("a", { weight: 20 });
  assert(Math.abs(shareOf(pool) - 2 / 8) < 0.01);
});
