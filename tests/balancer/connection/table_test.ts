import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CLOSE_GRACE_MS, LIST_LIMIT } from "../../../src/balancer/connection/table.ts";
import { test } from "../../testing.ts";
import { at, poolOf } from "../pool/pools.ts";
import { World } from "./tables.ts";

/** A table, and two backends whose connections are in it. */
function setUp() {
  const pool = poolOf([{ name: "a" }, { name: "b" }]);
  const world = new World();
  const { clock, table, lines } = world;
  return { clock, table, lines, a: at(pool, "a"), b: at(pool, "b"), connect: world.connect.bind(world) };
}

test("a table finds a connection by its name until it is over, and never gives a name twice", () => {
  const { table, a, connect } = setUp();
  const lines = connect(a, 40);
  assertEquals(
    [lines[0], lines[9], lines[34], lines[35]].map((line) => line?.entry.id),
    ["c1", "ca", "cz", "c10"],
  );
  for (const { entry } of lines) assertEquals(table.find(entry.id), entry);
  lines[9]?.leave();
  assertEquals([table.find("ca"), table.size], [undefined, 39]);
  assertEquals(connect(a, 1)[0]?.entry.id, "c15");
});

test("ConnectionTable.find() takes a name only as it was given", () => {
  const { table, a, connect } = setUp();
  connect(a, 40);
  for (const id of ["", "c", "1", "C1", "c01", " c1", "c1 ", "c1.5", "cA", "c-1", "c0", "c99", "c1c"])
    assertEquals(table.find(id), undefined, id);
});

test("a table has the connections of each backend, whatever comes and goes in which order", () => {
  const step = fc.record({ backend: fc.nat(1), leave: fc.option(fc.nat(20)), end: fc.option(fc.nat(20)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { table, a, b, lines, connect } = setUp();
      for (const { backend, leave, end } of steps) {
        connect([a, b][backend] ?? a, 1, "stubborn");
        lines[end ?? -1]?.entry.end("operator");
        lines[leave ?? -1]?.leave();
        const entries = lines.map(({ entry }) => entry).filter(({ state }) => state !== "over");
        assertEquals([...table.entries()], entries);
        for (const owner of [a, b]) {
          const owned = entries.filter((entry) => entry.backend === owner);
          assertEquals([...table.of(owner)], owned);
          assertEquals(table.openOn(owner), owned.filter(({ state }) => state === "open").length);
        }
      }
      for (const { entry } of lines) entry.over("finished");
      assertEquals([table.size, table.of(a).size, table.openOn(a)], [0, 0, 0]);
    }),
  );
});

test("a connection that is over is counted on its backend once: its reason, its bytes and how long it lived", () => {
  const { clock, table, a, connect } = setUp();
  const [line] = connect(a, 1);
  assert(line);
  line.bytesIn = 5;
  line.bytesOut = 7;
  assertEquals(table.liveBytes(a), { bytesIn: 5, bytesOut: 7 });
  clock.advance(2500);
  assertEquals(
    [line.entry.over("client_reset"), line.entry.over("finished")],
    ["client_reset", "client_reset"],
  );
  const { bytesIn, bytesOut, ended, sessionSeconds } = a.counters;
  assertEquals([bytesIn, bytesOut, ended.client_reset, ended.finished], [5, 7, 1, 0]);
  assertEquals([sessionSeconds.snapshot().count, sessionSeconds.snapshot().sum], [1, 2.5]);
  assertEquals(table.liveBytes(a), { bytesIn: 0, bytesOut: 0 });
});

test("the first reason for which a connection was closed is the one that counts", () => {
  const { a, connect } = setUp();
  const [line] = connect(a, 1, "stubborn");
  assert(line);
  assertEquals(line.entry.state, "open");
  line.entry.end("drained");
  line.entry.end("operator");
  assertEquals([line.entry.state, line.closedAt.length], ["closing", 1]);
  assertEquals([line.entry.over("backend_reset"), line.entry.state], ["drained", "over"]);
  line.entry.end("operator");
  assertEquals([line.closedAt.length, a.counters.ended.drained, a.counters.ended.operator], [1, 1, 0]);
});

test("a connection that does not end when it is closed is aborted 10 s later, each in its own time, by one timer", () => {
  const { clock, a, connect } = setUp();
  const [first, second, third, fourth] = connect(a, 4, "stubborn");
  assert(first && second && third && fourth);
  first.entry.end("operator");
  clock.advance(4000);
  second.entry.end("operator");
  third.entry.end("operator");
  assertEquals(clock.pending, 1);
  clock.advance(5000);
  third.leave();
  clock.advance(60_000);
  assertEquals(
    [first, second, third, fourth].map(({ abortedAt }) => abortedAt),
    [[CLOSE_GRACE_MS], [4000 + CLOSE_GRACE_MS], [], []],
  );
  assertEquals([clock.pending, fourth.entry.state], [0, "open"]);
});

test("no timer is left when all that were closed are over", () => {
  const { clock, a, connect } = setUp();
  const lines = connect(a, 3, "stubborn");
  for (const { entry } of lines) entry.end("operator");
  assertEquals(clock.pending, 1);
  for (const line of lines) line.leave();
  assertEquals(clock.pending, 0);
});

test("ConnectionTable.list() gives those that the filter lets through, the oldest first, up to its limit", () => {
  const { clock, table, a, b, connect } = setUp();
  const [old] = connect(a, 1);
  clock.advance(1000);
  const [busy] = connect(b, 1);
  clock.advance(500);
  assert(old && busy);
  busy.activeAt = clock.now();
  const names = (...args: Parameters<typeof table.list>) => table.list(...args).map(({ id }) => id);
  assertEquals(names({}), ["c1", "c2"]);
  assertEquals(names({}, 1), ["c1"]);
  assertEquals(names({}, 0), []);
  assertEquals(
    [names({ backend: "b" }), names({ pool: "other" }), names({ frontend: "main" })],
    [["c2"], [], ["c1", "c2"]],
  );
  assertEquals([names({ minAgeMs: 1500 }), names({ minAgeMs: 1501 })], [["c1"], []]);
  assertEquals([names({ minIdleMs: 500 }), names({ minIdleMs: 0, backend: "b" })], [["c1"], ["c2"]]);
  connect(a, LIST_LIMIT);
  assertEquals(table.list({}).length, LIST_LIMIT);
});
