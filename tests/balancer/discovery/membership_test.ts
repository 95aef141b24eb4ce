import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import {
  type MemberSpec,
  Membership,
  type MembershipOptions,
} from "../../../src/balancer/discovery/membership.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { createPool, MAX_BACKENDS, type Pool } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";
import { at, CLIENT, picks } from "../pool/pools.ts";

/** A pool with its membership, on a clock that is moved by hand. */
function world(options: MembershipOptions = {}) {
  const clock = new ManualClock();
  const pool = createPool({ name: "default", policy: "round-robin", clock });
  const errors: string[] = [];
  const gone: Backend[] = [];
  const membership = new Membership(pool, {
    clock,
    onError: (error, { during }) =>
      errors.push(`${during}: ${error instanceof Error ? error.message : error}`),
    onGone: (backend) => gone.push(backend),
    ...options,
  });
  return { clock, pool, membership, errors, gone };
}

/** A backend on port 7000 of a host, whose name is `a:7000` and so on. */
function spec(host: string, more: Partial<MemberSpec> = {}): MemberSpec {
  return { address: { host, port: 7000 }, ...more };
}

function namesOf(pool: Pool): string[] {
  return Array.from(pool.backends(), ({ name }) => name).sort();
}

/** The backend of that host, with a client on it. */
function busy(pool: Pool, host: string) {
  const backend = at(pool, `${host}:7000`);
  pool.beat(backend, "answered");
  const others = new Set(Array.from(pool.backends()).filter((one) => one !== backend));
  const lease = pool.acquire(CLIENT, others);
  assertEquals(lease?.backend, backend);
  return { backend, lease: lease as Disposable };
}

test("the backends of several sources are in one pool, each shown with its source", () => {
  const { pool, membership } = world();
  membership.update("config", [
    spec("a"),
    spec("b", { weight: 3, backup: true, maxConnections: 5, proxy: 2 }),
  ]);
  membership.update("dns:x", [spec("c")]);
  assertEquals(namesOf(pool), ["a:7000", "b:7000", "c:7000"]);
  const [b, c] = [at(pool, "b:7000"), at(pool, "c:7000")];
  assertEquals([b.weight, b.backup, b.maxConnections, b.proxy, b.source], [3, true, 5, 2, "config"]);
  assertEquals([c.weight, c.backup, c.source], [1, false, "dns:x"]);
});

test("a source that names a backend no longer removes it at once where it has no connections", () => {
  const { pool, membership, gone, clock } = world();
  membership.update("config", [spec("a"), spec("b")]);
  const a = at(pool, "a:7000");
  membership.update("config", [spec("b")]);
  assertEquals([namesOf(pool), gone, clock.pending], [["b:7000"], [a], 0]);
});

test("a backend with connections drains when its source drops it, and leaves the pool once they are over", () => {
  const { pool, membership, gone, clock } = world();
  membership.update("config", [spec("a"), spec("b")]);
  const { backend, lease } = busy(pool, "a");
  membership.update("config", [spec("b")]);
  assertEquals([backend.state(), namesOf(pool)], ["draining", ["a:7000", "b:7000"]]);
  assertEquals(new Set(picks(pool, 10)), new Set(["b:7000"]));
  clock.advance(300_000);
  assertEquals([gone, namesOf(pool).length], [[], 2]);
  lease[Symbol.dispose]();
  clock.advance(1000);
  assertEquals([gone, namesOf(pool), clock.pending], [[backend], ["b:7000"], 0]);
});

test("a draining backend leaves at the deadline with the connections that it still has, and its owner is told of both", () => {
  const drains: string[] = [];
  const { pool, membership, gone, clock } = world({
    drainMs: 5000,
    onDrain: ({ name }, drainMs) => {
      drains.push(`${name} in ${drainMs}`);
      return { [Symbol.dispose]: () => void drains.push(`${name} over`) };
    },
  });
  membership.update("config", [spec("a"), spec("b")]);
  const { backend } = busy(pool, "a");
  membership.update("config", [spec("b")]);
  clock.advance(4999);
  assertEquals([drains, gone.length], [["a:7000 in 5000"], 0]);
  clock.advance(1001);
  assertEquals(
    [drains.at(-1), gone, backend.active, namesOf(pool)],
    ["a:7000 over", [backend], 1, ["b:7000"]],
  );
});

test("how long a backend may drain is asked when it begins to", () => {
  let drainMs = 0;
  const { pool, membership, clock } = world({ drainMs: () => drainMs });
  membership.update("config", [spec("a"), spec("b")]);
  busy(pool, "a");
  busy(pool, "b");
  membership.update("config", [spec("b")]);
  assertEquals(namesOf(pool), ["b:7000"]);
  drainMs = 3000;
  membership.update("config", []);
  assertEquals(namesOf(pool), ["b:7000"]);
  clock.advance(3000);
  assertEquals(namesOf(pool), []);
});

test("a backend that is named again while it drains is enabled again, with what is said of it now", () => {
  const ended: string[] = [];
  const onDrain = ({ name }: Backend) => ({ [Symbol.dispose]: () => void ended.push(name) });
  const { pool, membership, clock } = world({ onDrain });
  membership.update("config", [spec("a")]);
  const { backend } = busy(pool, "a");
  membership.update("config", []);
  assertEquals(backend.state(), "draining");
  membership.update("dns:x", [spec("a", { weight: 4 })]);
  assertEquals([backend.state(), backend.weight, backend.source], ["up", 4, "dns:x"]);
  assertEquals([at(pool, "a:7000"), ended], [backend, ["a:7000"]]);
  clock.advance(1_000_000);
  assertEquals([namesOf(pool), clock.pending], [["a:7000"], 0]);
});

test("a backend that an operator has disabled is still disabled when it is named again", () => {
  const { pool, membership } = world();
  membership.update("config", [spec("a")]);
  const { backend } = busy(pool, "a");
  pool.change("a:7000", { admin: "disabled" });
  membership.update("config", []);
  membership.update("config", [spec("a")]);
  assertEquals([backend.admin, at(pool, "a:7000")], ["disabled", backend]);
});

test("a backend that an operator enables while it drains stays, as the operator's own", () => {
  const { pool, membership, clock } = world();
  membership.update("config", [spec("a")]);
  const { backend } = busy(pool, "a");
  membership.update("config", []);
  pool.change("a:7000", { admin: "enabled" });
  clock.advance(2000);
  assertEquals([backend.state(), backend.source, clock.pending], ["up", "admin", 0]);
  membership.update("config", []);
  assertEquals(namesOf(pool), ["a:7000"]);
});

test("a backend in two sources stays until both have dropped it, and the first one's values count meanwhile", () => {
  const { pool, membership } = world();
  membership.update("config", [spec("a", { weight: 2 })]);
  membership.update("registry", [spec("a", { weight: 9 })]);
  const backend = at(pool, "a:7000");
  assertEquals([backend.weight, backend.source], [2, "config"]);
  membership.update("registry", [spec("a", { weight: 8 })]);
  assertEquals(backend.weight, 2);
  membership.update("config", []);
  assertEquals([at(pool, "a:7000"), backend.weight, backend.source], [backend, 8, "registry"]);
  membership.update("registry", []);
  assertEquals(namesOf(pool), []);
});

test("what an operator has set stays until the source says another value of the very same", () => {
  const { pool, membership } = world();
  membership.update("config", [spec("a", { weight: 2, maxConnections: 9 })]);
  const backend = at(pool, "a:7000");
  pool.change("a:7000", { weight: 7, admin: "disabled" });
  membership.update("config", [spec("a", { weight: 2, maxConnections: 8, backup: true })]);
  assertEquals(
    [backend.weight, backend.admin, backend.maxConnections, backend.backup],
    [7, "disabled", 8, true],
  );
  membership.update("config", [spec("a", { weight: 3 })]);
  assertEquals(
    [backend.weight, backend.admin, backend.maxConnections, backend.backup],
    [3, "disabled", Number.POSITIVE_INFINITY, false],
  );
});

test("a backend that an operator removes stays out until its source has dropped it and names it again", () => {
  const { pool, membership, gone } = world();
  membership.update("config", [spec("a"), spec("b")]);
  const removed = membership.remove("a:7000");
  assertEquals([gone, namesOf(pool)], [[removed], ["b:7000"]]);
  membership.update("config", [spec("a", { weight: 5 }), spec("b")]);
  assertEquals(namesOf(pool), ["b:7000"]);
  membership.update("config", [spec("b")]);
  membership.update("config", [spec("a"), spec("b")]);
  assertEquals(namesOf(pool), ["a:7000", "b:7000"]);
});

test("a backend that is taken out of the pool itself stays out as one that an operator removes", () => {
  const { pool, membership, errors } = world();
  membership.update("config", [spec("a")]);
  pool.remove("a:7000");
  membership.update("config", [spec("a")]);
  assertEquals([namesOf(pool), errors], [[], []]);
  membership.update("dns:x", [spec("a")]);
  assertEquals([namesOf(pool), at(pool, "a:7000").source], [["a:7000"], "dns:x"]);
});

test("a server that starts anew at an address gets a fresh backend, also where its predecessor was removed", () => {
  const { pool, membership, gone } = world();
  membership.put("registry", spec("a", { incarnation: "1" }));
  const { backend } = busy(pool, "a");
  membership.put("registry", spec("a", { incarnation: "2" }));
  const next = at(pool, "a:7000");
  assert(next !== backend, "it is the old backend");
  assertEquals([next.active, next.state(), gone], [0, "suspect", [backend]]);
  membership.remove("a:7000");
  membership.put("registry", spec("a", { incarnation: "2", weight: 2 }));
  assertEquals(namesOf(pool), []);
  membership.put("registry", spec("a", { incarnation: "3" }));
  assertEquals(namesOf(pool), ["a:7000"]);
});

test("remove() lets connections finish by the given deadline, and 0 removes at once", () => {
  const { pool, membership, gone, clock } = world();
  membership.update("config", [spec("a"), spec("b")]);
  const [a, b] = [busy(pool, "a").backend, busy(pool, "b").backend];
  membership.remove("a:7000", 3000);
  membership.remove("b:7000", 0);
  assertEquals([a.state(), gone, namesOf(pool)], ["draining", [b], ["a:7000"]]);
  clock.advance(3000);
  assertEquals([gone, namesOf(pool)], [[b, a], []]);
  assertEquals(membership.remove("nobody:1"), undefined);
});

test("add() adds for an operator, takes back a removal, and refuses a name that is there", () => {
  const { pool, membership } = world();
  membership.update("config", [spec("a")]);
  assertThrows(() => membership.add(spec("a")), RangeError, '"a:7000" already');
  membership.remove("a:7000");
  const backend = membership.add(spec("a", { weight: 6 }));
  assertEquals([backend.source, backend.weight, at(pool, "a:7000")], ["admin", 6, backend]);
  membership.update("config", []);
  assertEquals(namesOf(pool), ["a:7000"]);
  assertThrows(() => membership.add(spec("c", { weight: -1 })), RangeError, "weight");
  membership.remove("a:7000");
  assertEquals(namesOf(pool), []);
});

test("a name that somebody else has put into the pool is neither changed nor removed, and is reported once", () => {
  const { pool, membership, errors } = world();
  const own = pool.add(spec("a", { weight: 2 }));
  for (const weight of [5, 6]) membership.update("dns:x", [spec("a", { weight })]);
  membership.update("dns:x", []);
  assertEquals([at(pool, "a:7000"), own.weight], [own, 2]);
  assertEquals(errors.length, 1);
  assertStringIncludes(errors[0] ?? "", 'discover a:7000: Cannot add backend: pool "default" has one named');
});

test("a value that no backend can have is reported, changes nothing, and the next one counts", () => {
  const { pool, membership, errors } = world();
  membership.update("config", [spec("a", { weight: 2 }), spec("b", { weight: -1 })]);
  membership.update("config", [spec("a", { weight: -2 }), spec("b", { weight: -1 })]);
  assertEquals([namesOf(pool), at(pool, "a:7000").weight, errors.length], [["a:7000"], 2, 2]);
  membership.update("config", [spec("a", { weight: 3 }), spec("b", { weight: 1 })]);
  assertEquals([namesOf(pool), at(pool, "a:7000").weight, errors.length], [["a:7000", "b:7000"], 3, 2]);
});

test("a source that names more than a pool takes fills it and is reported once", () => {
  const { pool, membership, errors } = world();
  const many = Array.from({ length: MAX_BACKENDS + 100 }, (_, index) => spec(`h${index}`));
  membership.update("config", many);
  assertEquals([pool.size, errors.length], [MAX_BACKENDS, 1]);
  assertStringIncludes(errors[0] ?? "", `config names more than the ${MAX_BACKENDS}`);
});

test("of many problems ten are reported one by one, and how many more there are", () => {
  const { membership, errors } = world();
  membership.update(
    "config",
    Array.from({ length: 50 }, (_, index) => spec(`x${index}`, { weight: -1 })),
  );
  assertEquals(errors.length, 11);
  assertStringIncludes(errors.at(-1) ?? "", "40 more");
});

test("disposing leaves the pool as it is, ends what was begun for those that drain, and leaves no timer", () => {
  let ended = 0;
  const { pool, membership, clock } = world({ onDrain: () => ({ [Symbol.dispose]: () => void ended++ }) });
  membership.update("config", [spec("a"), spec("b")]);
  busy(pool, "a");
  membership.update("config", [spec("b")]);
  membership[Symbol.dispose]();
  clock.advance(1_000_000);
  assertEquals([namesOf(pool), ended, clock.pending], [["a:7000", "b:7000"], 1, 0]);
});
