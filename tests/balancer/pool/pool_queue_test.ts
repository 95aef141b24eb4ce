import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../../src/async/mod.ts";
import type { PolicyName } from "../../../src/balancer/contract.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import type { Backend, BackendSpec } from "../../../src/balancer/pool/backend.ts";
import type { Lease, Pool, PoolOptions } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, miss, poolOf } from "./pools.ts";

const { signal: never } = new AbortController();

type Outcome = Awaited<ReturnType<Pool["wait"]>>;

/** What has become of those who wait, by number: a backend's name, or why there is none. */
class Outcomes {
  readonly seen: string[] = [];
  readonly leases: Lease[] = [];
  readonly #promises: Promise<unknown>[] = [];

  wait(pool: Pool, options: { except?: ReadonlySet<Backend>; signal?: AbortSignal } = {}): void {
    const number = this.#promises.length;
    const note = (outcome: Outcome): void => {
      if (typeof outcome === "object") this.leases.push(outcome);
      this.seen.push(`${number} ${typeof outcome === "object" ? outcome.backend.name : outcome}`);
    };
    const waited = pool.wait(CLIENT, { signal: never, ...options });
    this.#promises.push(waited.then(note, (reason) => void this.seen.push(`${number} ${reason}`)));
  }

  all(): Promise<unknown> {
    return Promise.all(this.#promises);
  }
}

/** A pool of full backends `a`, `b` and so on with one place each, and who has the places. */
function full(
  count: number,
  options: Partial<PoolOptions> = {},
  spec: Partial<BackendSpec> = {},
): { pool: Pool; clock: ManualClock; leases: Lease[] } {
  const clock = new ManualClock();
  const specs = Array.from({ length: count }, (_, i) => ({
    name: "abcdef"[i] ?? "",
    maxConnections: 1,
    ...spec,
  }));
  const pool = poolOf(specs, { clock, ...options });
  const leases = specs.map(() => pool.acquire(CLIENT) as Lease);
  return { pool, clock, leases };
}

for (const policy of Object.keys(policies) as PolicyName[]) {
  test(`clients who wait under ${policy} are served in the order they came, as places are given back`, async () => {
    const { pool, leases, clock } = full(2, { policy });
    const outcomes = new Outcomes();
    for (let i = 0; i < 4; i++) outcomes.wait(pool);
    assertEquals(pool.queued, 4);
    const [first, second] = leases.map(({ backend }) => backend.name);
    for (const lease of leases) lease[Symbol.dispose]();
    assertEquals(pool.queued, 2);
    pool.drain();
    await outcomes.all();
    assertEquals(outcomes.seen, [`0 ${first}`, `1 ${second}`, "2 undefined", "3 undefined"]);
    assertEquals([at(pool, "a").active, at(pool, "a").total, clock.pending], [1, 2, 0]);
  });
}

test("Pool.wait() gives a lease at once where there is room", async () => {
  const pool = poolOf([{ name: "a" }]);
  const lease = await pool.wait(CLIENT, { signal: never });
  assertEquals([typeof lease, at(pool, "a").active, pool.queued], ["object", 1, 0]);
});

test("Pool.wait() does not wait for backends that are down, draining or of weight 0, nor for those that were tried", async () => {
  const { pool } = full(4);
  miss(pool, at(pool, "a"));
  pool.change("b", { admin: "draining" });
  pool.change("c", { weight: 0 });
  const except = new Set([at(pool, "d")]);
  assertEquals(await pool.wait(CLIENT, { except, signal: never }), undefined);
  assertEquals(await poolOf([]).wait(CLIENT, { signal: never }), undefined);
});

test("at most 1,000 clients wait, or as many as is set", async () => {
  const { pool } = full(1);
  const outcomes = new Outcomes();
  for (let i = 0; i < 1000; i++) outcomes.wait(pool);
  assertEquals([pool.queued, await pool.wait(CLIENT, { signal: never })], [1000, "queue_full"]);
  const small = full(1, { queue: { limit: 0 } }).pool;
  assertEquals(await small.wait(CLIENT, { signal: never }), "queue_full");
  pool.drain();
  await outcomes.all();
});

test("a client waits for 5 s, or as long as is set, and then leaves the queue to the others", async () => {
  const { pool, clock, leases } = full(1);
  const outcomes = new Outcomes();
  outcomes.wait(pool);
  clock.advance(4999);
  pool.configure({ queue: { timeoutMs: 100 } });
  outcomes.wait(pool);
  clock.advance(1);
  await Promise.resolve();
  assertEquals(pool.queued, 1);
  clock.advance(99);
  outcomes.wait(pool);
  leases[0]?.[Symbol.dispose]();
  await outcomes.all();
  assertEquals(outcomes.seen.toSorted(), ["0 queue_timeout", "1 queue_timeout", "2 a"]);
  assertEquals(clock.pending, 0);
});

test("a client who leaves while it waits rejects with its reason and takes no place", async () => {
  const { pool, clock, leases } = full(1);
  const controller = new AbortController();
  const outcomes = new Outcomes();
  outcomes.wait(pool, { signal: controller.signal });
  outcomes.wait(pool);
  controller.abort(new RangeError("gone"));
  assertEquals(pool.queued, 1);
  leases[0]?.[Symbol.dispose]();
  await outcomes.all();
  assertEquals(outcomes.seen.toSorted(), ["0 RangeError: gone", "1 a"]);
  assertEquals(clock.pending, 0);
  await assertRejects(() => pool.wait(CLIENT, { signal: controller.signal }), RangeError, "gone");
});

test("a signal that lives on keeps nothing of those who have waited", async () => {
  const { pool, clock, leases } = full(1);
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove.apply(signal, args);
  };
  const outcomes = new Outcomes();
  for (let i = 0; i < 3; i++) outcomes.wait(pool, { signal });
  assertEquals(listeners, 3);
  leases[0]?.[Symbol.dispose]();
  clock.advance(5000);
  await outcomes.all();
  assertEquals([outcomes.seen.length, listeners], [3, 0]);
});

test("a place is not given to a client who was refused there, but to the next one", async () => {
  const { pool, leases } = full(2);
  const outcomes = new Outcomes();
  const a = leases.find(({ backend }) => backend.name === "a");
  const b = leases.find(({ backend }) => backend.name === "b");
  outcomes.wait(pool, { except: new Set([at(pool, "a")]) });
  outcomes.wait(pool);
  a?.[Symbol.dispose]();
  assertEquals(pool.queued, 1);
  b?.[Symbol.dispose]();
  await outcomes.all();
  assertEquals(outcomes.seen, ["1 a", "0 b"]);
});

const makesRoom: Readonly<Record<string, (pool: Pool) => void>> = {
  "is added": (pool) => void pool.add({ name: "new", address: { host: "10.9.0.9", port: 1 } }),
  "gets a higher limit": (pool) => void pool.change("a", { maxConnections: 2 }),
  "is enabled": (pool) => void pool.change("off", { admin: "enabled" }),
  "gets weight": (pool) => void pool.change("light", { weight: 1 }),
  "comes up": (pool) => {
    for (let i = 0; i < 2; i++) pool.beat(at(pool, "down"), "answered");
  },
  "drains no longer": (pool) => pool.report(at(pool, "leaving"), {}),
};

for (const [what, act] of Object.entries(makesRoom)) {
  test(`clients who wait are served as soon as a backend ${what}`, async () => {
    const specs = ["a", "off", "light", "down", "leaving"].map((name) => ({ name, maxConnections: 1 }));
    const pool = poolOf(specs, { clock: new ManualClock() });
    pool.change("off", { admin: "disabled" });
    pool.change("light", { weight: 0 });
    pool.report(at(pool, "leaving"), { isDraining: true });
    miss(pool, at(pool, "down"));
    assert(pool.acquire(CLIENT));
    const outcomes = new Outcomes();
    outcomes.wait(pool);
    assertEquals(pool.queued, 1);
    act(pool);
    assertEquals(pool.queued, 0);
    await outcomes.all();
  });
}

test("a place of a backend that was removed, drains or has too many is given to nobody who waits", async () => {
  const { pool, clock } = full(3, {}, { maxConnections: 2 });
  const leases = Array.from({ length: 3 }, () => pool.acquire(CLIENT) as Lease);
  const outcomes = new Outcomes();
  outcomes.wait(pool);
  pool.remove("a");
  pool.change("b", { admin: "draining" });
  pool.change("c", { maxConnections: 1 });
  for (const lease of leases) lease[Symbol.dispose]();
  assertEquals(pool.queued, 1);
  clock.advance(5000);
  await outcomes.all();
  assertEquals(outcomes.seen, ["0 queue_timeout"]);
});

type Step = readonly [act: "wait" | "leave" | "abort" | "time" | "limit" | "admin", which: number];

test("after any interleaving no place is empty while a client waits for it, and none is given twice", async () => {
  const act = fc.constantFrom<Step[0]>("wait", "wait", "leave", "leave", "abort", "time", "limit", "admin");
  const policy = fc.constantFrom(...(Object.keys(policies) as PolicyName[]));
  await fc.assert(
    fc.asyncProperty(policy, fc.array(fc.tuple(act, fc.nat(5)), { maxLength: 60 }), async (name, steps) => {
      const { pool, clock, leases } = full(3, { policy: name });
      const outcomes = new Outcomes();
      outcomes.leases.push(...leases);
      const controllers: AbortController[] = [];
      for (const step of steps) {
        run(pool, clock, outcomes, controllers, step);
        for (const { available } of pool.backends()) assert(!available || pool.queued === 0);
        for (let turn = 0; turn < 3; turn++) await Promise.resolve();
      }
      pool.drain();
      await outcomes.all();
      for (const lease of outcomes.leases) lease[Symbol.dispose]();
      assert([...pool.backends()].every(({ active }) => active === 0));
      assertEquals(clock.pending, 0);
    }),
  );
});

function run(
  pool: Pool,
  clock: ManualClock,
  outcomes: Outcomes,
  controllers: AbortController[],
  [act, which]: Step,
): void {
  const name = "abc"[which % 3] ?? "a";
  if (act === "wait") {
    const controller = new AbortController();
    controllers.push(controller);
    outcomes.wait(pool, { signal: controller.signal });
  } else if (act === "leave") outcomes.leases.splice(which, 1)[0]?.[Symbol.dispose]();
  else if (act === "abort") controllers[which]?.abort(new Error("gone"));
  else if (act === "time") clock.advance(2000);
  else if (act === "limit") pool.change(name, { maxConnections: 1 + (which % 3) });
  else pool.change(name, { admin: which > 2 ? "draining" : "enabled" });
}
