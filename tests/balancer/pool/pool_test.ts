import { assertEquals, assertThrows } from "@std/assert";
import type { PolicyName } from "../../../src/balancer/contract.ts";
import { policies } from "../../../src/balancer/policy/policies.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, miss, PORT, picks, poolOf } from "./pools.ts";

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
  assertEquals([pool.remove("a"), pool.size, ...picks(pool, 3)], [undefined, 1, "b", "b", "b"]);
  const successor = pool.add({ name: "a", address: { host: "10.9.0.1", port: PORT }, admin: "draining" });
  miss(pool, removed);
  assertEquals([removed.health.missed, successor.health.missed, ...picks(pool, 3)], [0, 0, "b", "b", "b"]);
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

test("createPool() refuses a heartbeat that can never be judged", () => {
  for (const heartbeat of [{ threshold: 0 }, { rise: 0.5 }, { intervalMs: 0 }, { intervalMs: Number.NaN }])
    assertThrows(() => poolOf([], { heartbeat }), RangeError, "Cannot set heartbeat");
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
