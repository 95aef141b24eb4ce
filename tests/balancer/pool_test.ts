import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Backend, BackendSpec } from "../../src/balancer/backend.ts";
import type { PolicyName } from "../../src/balancer/contract.ts";
import { policies } from "../../src/balancer/policy/policies.ts";
import { createPool, type Lease, type Pool, type PoolOptions } from "../../src/balancer/pool.ts";
import { test } from "../testing.ts";

const CLIENT = { host: "10.0.0.1" };
const PORT = 7000;

/** A pool of backends `10.9.0.1:7000` and so on that have answered once. */
function poolOf(specs: readonly Partial<BackendSpec>[], options: Partial<PoolOptions> = {}): Pool {
  const pool = createPool({ name: "default", policy: "round-robin", ...options });
  for (const [i, spec] of specs.entries()) {
    const backend = pool.add({ address: { host: `10.9.0.${i + 1}`, port: PORT }, ...spec });
    pool.beat(backend, "answered");
  }
  return pool;
}

function miss(pool: Pool, backend: Backend, times = 3): void {
  for (let i = 0; i < times; i++) {
    pool.beat(backend, "sent");
    pool.beat(backend, "overdue");
  }
}

function at(pool: Pool, name: string): Backend {
  const backend = pool.find(name);
  assert(backend, `no backend ${name}`);
  return backend;
}

/** The names of the backends of `count` clients in a row, which stay. */
function picks(pool: Pool, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => pool.acquire(CLIENT)?.backend.name);
}

test("Pool.acquire() counts the client until its lease is disposed, and disposing twice counts once", () => {
  const pool = poolOf([{ name: "a" }]);
  const first = pool.acquire(CLIENT);
  const second = pool.acquire(CLIENT);
  assertEquals([at(pool, "a").active, at(pool, "a").total], [2, 2]);
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  assertEquals(at(pool, "a").active, 1);
  second?.[Symbol.dispose]();
  assertEquals([at(pool, "a").active, at(pool, "a").total], [0, 2]);
});

test("Pool.acquire() counts before the next client is picked, so that a burst spreads", () => {
  const pool = poolOf([{}, {}, {}], { policy: "least-connections" });
  picks(pool, 300);
  assertEquals(
    [...pool.backends()].map(({ active }) => active),
    [100, 100, 100],
  );
});

test("a lease of a removed backend is still given back, and its successor of the same name does not notice", () => {
  const pool = poolOf([{ name: "a" }], { policy: "least-connections" });
  const lease = pool.acquire(CLIENT);
  const removed = pool.remove("a");
  const successor = pool.add({ name: "a", address: { host: "10.9.0.1", port: PORT } });
  lease?.[Symbol.dispose]();
  assertEquals([removed?.active, successor.active], [0, 0]);
});

test("a removed backend gets no client and no heartbeat any more", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  const removed = at(pool, "a");
  pool.remove("a");
  miss(pool, removed);
  assertEquals(picks(pool, 3), ["b", "b", "b"]);
  assertEquals([removed.health.missed, pool.remove("a"), pool.size], [0, undefined, 1]);
});

for (const policy of Object.keys(policies) as PolicyName[]) {
  test(`a ${policy} pool picks none that is down, draining, disabled, full or of weight 0`, () => {
    const specs = ["down", "draining", "disabled", "full", "weightless", "fit"].map((name) => ({ name }));
    const pool = poolOf(specs, { policy });
    miss(pool, at(pool, "down"));
    pool.change("draining", { admin: "draining" });
    pool.change("disabled", { admin: "disabled" });
    pool.change("weightless", { weight: 0 });
    while (at(pool, "full").active === 0) picks(pool, 1);
    pool.change("full", { maxConnections: at(pool, "full").active });
    assertEquals(new Set(picks(pool, 50)), new Set(["fit"]));
    pool.remove("fit");
    assertEquals(pool.acquire(CLIENT), undefined);
  });
}

test("backends serve again when they are enabled, get weight, have room or rise", () => {
  const pool = poolOf([{ name: "a", admin: "draining" }, { name: "b", weight: 0 }, { name: "c" }]);
  miss(pool, at(pool, "c"));
  assertEquals(pool.acquire(CLIENT), undefined);
  pool.change("a", { admin: "enabled", maxConnections: 1 });
  const lease = pool.acquire(CLIENT);
  assertEquals([lease?.backend.name, pool.acquire(CLIENT)], ["a", undefined]);
  lease?.[Symbol.dispose]();
  pool.change("b", { weight: 2 });
  pool.beat(at(pool, "c"), "answered");
  pool.beat(at(pool, "c"), "answered");
  assertEquals(new Set(picks(pool, 3)), new Set(["a", "b", "c"]));
});

test("backups serve only while no other can", () => {
  const pool = poolOf([{ name: "a" }, { name: "spare", backup: true }]);
  assertEquals(picks(pool, 2), ["a", "a"]);
  pool.change("a", { admin: "draining" });
  assertEquals(picks(pool, 2), ["spare", "spare"]);
  pool.change("a", { admin: "enabled" });
  assertEquals(picks(pool, 2), ["a", "a"]);
});

test("a backend that has not answered yet serves only while no other can, not even a backup", () => {
  const pool = poolOf([{ name: "spare", backup: true }]);
  const fresh = pool.add({ name: "fresh", address: { host: "10.9.0.9", port: PORT } });
  assertEquals(picks(pool, 2), ["spare", "spare"]);
  pool.change("spare", { admin: "draining" });
  assertEquals([fresh.state(), ...picks(pool, 1)], ["suspect", "fresh"]);
  pool.change("spare", { admin: "enabled" });
  pool.beat(fresh, "answered");
  assertEquals([fresh.state(), ...picks(pool, 1)], ["up", "fresh"]);
});

test("Pool.acquire() passes over the backends that were tried for the client", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }, { name: "spare", backup: true }]);
  const tried = new Set<Backend>();
  const names: (string | undefined)[] = [];
  for (let lease = pool.acquire(CLIENT, tried); lease; lease = pool.acquire(CLIENT, tried)) {
    names.push(lease.backend.name);
    tried.add(lease.backend);
  }
  assertEquals(names, ["a", "b", "spare"]);
});

test("Pool.failed() counts one missed heartbeat between two probes, however many clients fail", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  const lease = pool.acquire(CLIENT) as Lease;
  for (let i = 0; i < 10; i++) pool.failed(lease);
  assertEquals([at(pool, "a").state(), at(pool, "a").health.missed], ["suspect", 1]);
  miss(pool, at(pool, "a"), 2);
  assertEquals(at(pool, "a").state(), "down");
});

test("clients' failures alone never put out more than half of a pool", () => {
  const pool = poolOf([{}, {}, {}, {}, {}], { heartbeat: { threshold: 1 } });
  for (let i = 0; i < 20; i++) {
    const lease = pool.acquire(CLIENT);
    if (lease) pool.failed(lease);
  }
  assertEquals([...pool.backends()].filter((backend) => backend.state() === "down").length, 2);
});

test("a pool of one stays in use however many clients fail", () => {
  const pool = poolOf([{ name: "a" }], { heartbeat: { threshold: 1 } });
  pool.failed(pool.acquire(CLIENT) as Lease);
  assertEquals(picks(pool, 1), ["a"]);
});

test("backends that miss their own heartbeats leave room for clients' failures to put out others", () => {
  const pool = poolOf([{ name: "a" }, { name: "b" }], { heartbeat: { threshold: 1 } });
  pool.failed(pool.acquire(CLIENT) as Lease);
  pool.failed(pool.acquire(CLIENT) as Lease);
  assertEquals([at(pool, "a").state(), at(pool, "b").state()], ["down", "up"]);
  miss(pool, at(pool, "a"), 1);
  pool.failed(pool.acquire(CLIENT) as Lease);
  assertEquals(at(pool, "b").state(), "down");
});

test("Pool.add() takes the address as the name, and refuses a name twice by a sentence", () => {
  const pool = poolOf([{}]);
  const twice = () => pool.add({ address: { host: "10.9.0.1", port: PORT } });
  assertThrows(twice, RangeError, 'Cannot add backend: pool "default" has one named "10.9.0.1:7000" already');
  assertEquals(pool.size, 1);
});

test("Pool.add() and Pool.change() refuse weights and limits that are none, and change nothing", () => {
  const pool = poolOf([{ name: "a" }]);
  for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    assertThrows(() => pool.change("a", { admin: "disabled", weight }), RangeError, `received ${weight}`);
  assertThrows(() => pool.change("a", { maxConnections: 0 }), RangeError, "at least 1, received 0");
  assertThrows(() => pool.add({ address: { host: "10.9.0.9", port: 1 }, weight: -1 }), RangeError, "weight");
  assertEquals([pool.list().backends.length, at(pool, "a").state(), at(pool, "a").weight], [1, "up", 1]);
});

test("Pool.list() gives what /api/pools shows", () => {
  const pool = poolOf([{ name: "a", weight: 2, source: "registry" }, { backup: true }], {
    dispatch: "hand-over",
  });
  pool.acquire(CLIENT);
  pool.acquire(CLIENT)?.[Symbol.dispose]();
  pool.beat(at(pool, "a"), "sent");
  pool.change("10.9.0.2:7000", { admin: "draining" });
  const a = {
    name: "a",
    state: "up",
    missed: 1,
    weight: 2,
    connections: 1,
    total: 2,
    source: "registry",
    backup: false,
  };
  const other = {
    state: "draining",
    missed: 0,
    weight: 1,
    connections: 0,
    total: 0,
    source: "config",
    backup: true,
  };
  assertEquals(JSON.parse(JSON.stringify(pool.list())), {
    name: "default",
    policy: "round-robin",
    dispatch: "hand-over",
    backends: [a, { name: "10.9.0.2:7000", ...other }],
  });
});

test("a watcher is told of the backends there are, and then of each that comes, changes its state or goes", () => {
  const pool = poolOf([{ name: "a" }]);
  const seen: string[] = [];
  const watch = pool.watch({
    onAdd: ({ name }) => void seen.push(`+${name}`),
    onRemove: ({ name }) => void seen.push(`-${name}`),
    onState: ({ name }, from, to) => void seen.push(`${name} ${from} ${to}`),
  });
  const b = pool.add({ name: "b", address: { host: "10.9.0.2", port: PORT } });
  pool.beat(b, "answered");
  miss(pool, b);
  pool.change("b", { admin: "draining" });
  pool.remove("b");
  watch[Symbol.dispose]();
  pool.remove("a");
  const states = ["suspect up", "up suspect", "suspect down", "down draining"].map((state) => `b ${state}`);
  assertEquals(seen, ["+a", "+b", ...states, "-b"]);
});

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
      const pool = poolOf([{ maxConnections: 3 }, {}, { weight: 3 }, { backup: true }], { policy: name });
      const all = [...pool.backends()];
      const leases: Lease[] = [];
      for (const one of steps) run(pool, all, leases, one);
      for (const lease of leases) lease[Symbol.dispose]();
      assert(all.every(({ active }) => active === 0));
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
