import { assert, assertEquals, assertThrows } from "@std/assert";
import { limitAge } from "../../../src/balancer/connection/age.ts";
import { test } from "../../testing.ts";
import { at, poolOf } from "../pool/pools.ts";
import { densest, draws, World } from "./tables.ts";

const HOUR_MS = 3_600_000;

function setUp() {
  const world = new World();
  return { world, clock: world.clock, backend: at(poolOf([{ name: "a" }]), "a") };
}

test("connections that came together are closed when they are an hour old, 10 % more or less, and not together", () => {
  const { world, clock, backend } = setUp();
  using _limit = limitAge(world.table, { maxAgeMs: HOUR_MS, random: draws() });
  clock.advance(500);
  world.connect(backend, 720);
  clock.advance(0.9 * HOUR_MS);
  assert(world.closings.length < 5, `${world.closings.length} at nine tenths`);
  clock.advance(0.2 * HOUR_MS + 1000);
  assertEquals([world.table.size, world.reasons], [0, { max_age: 720 }]);
  // One a second.
  assert(densest(world.closings, 10_000) <= 13, `${densest(world.closings, 10_000)} in 10 s`);
});

test("each connection is closed at its own age, whenever it came", () => {
  const { world, clock, backend } = setUp();
  using _limit = limitAge(world.table, { maxAgeMs: 60_000, random: draws() });
  for (let i = 0; i < 300; i++) {
    world.connect(backend, 1);
    clock.advance(1000);
  }
  const ages = world.lines.flatMap(({ closedAt, entry }) => closedAt.map((at) => at - entry.openedAt));
  assert(ages.length >= 234, `${ages.length} were closed`);
  assert(
    ages.every((age) => age >= 54_000 && age <= 67_000),
    `${Math.min(...ages)} to ${Math.max(...ages)}`,
  );
  assert(new Set(ages).size > 8, "they have ages of their own");
});

test("those that are too old already when the limit begins are closed spread over a fifth of it", () => {
  const { world, clock, backend } = setUp();
  world.connect(backend, 200);
  clock.advance(10 * HOUR_MS);
  using _limit = limitAge(world.table, { maxAgeMs: HOUR_MS, random: draws() });
  clock.advance(0.1 * HOUR_MS);
  assert(Math.abs(world.closings.length - 100) <= 5, `${world.closings.length} in half of the time`);
  clock.advance(0.1 * HOUR_MS + 1000);
  assertEquals(world.reasons, { max_age: 200 });
});

test("a limit of age for a pool leaves the connections of others alone, and ends when it is disposed", () => {
  const { world, clock, backend } = setUp();
  const [others, own] = ["other", "default"].map((pool) =>
    limitAge(world.table, { maxAgeMs: 1000, pool, random: draws() }),
  );
  world.connect(backend, 2);
  own?.[Symbol.dispose]();
  clock.advance(10_000);
  assertEquals([world.reasons, clock.pending], [{}, 1]);
  others?.[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

test("limitAge() refuses an age that is none", () => {
  for (const maxAgeMs of [0, -1, Number.NaN])
    assertThrows(() => limitAge(setUp().world.table, { maxAgeMs }), RangeError, `received ${maxAgeMs}`);
});
