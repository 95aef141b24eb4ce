import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { lastPartMs } from "../../../src/balancer/connection/spread.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { test } from "../../testing.ts";
import { at, poolOf } from "../pool/pools.ts";
import { densest, draws, isSettled, World } from "./tables.ts";

/** Connections of one backend, and the closing of all of them. */
class Closing extends World {
  readonly backend: Backend = at(poolOf([{ name: "a" }]), "a");

  spread(deadlineMs: number, overMs: number, coming?: () => number) {
    const select = () => this.table.of(this.backend);
    return this.table.closeSpread(select, { reason: "drained", deadlineMs, overMs, coming, random: draws() });
  }

  add(count: number, manner?: "polite" | "stubborn") {
    return this.connect(this.backend, count, manner);
  }
}

test("closeSpread() leaves connections alone until the last part, then closes them evenly, all by the deadline", async () => {
  const world = new Closing();
  world.add(600);
  const spread = world.spread(600_000, 60_000);
  world.clock.advance(540_000);
  assertEquals([world.table.size, world.clock.pending], [600, 1]);
  assertEquals(spread.progress, { total: 600, left: 600, remainingMs: 60_000 });
  world.clock.advance(30_000);
  const { left } = spread.progress;
  assert(left > 270 && left < 330, `${left} are left in the middle`);
  world.clock.advance(30_000);
  assertEquals([world.table.size, world.reasons, await isSettled(spread.done)], [0, { drained: 600 }, true]);
  // 10 a second on average.
  assert(densest(world.closings, 1000) <= 20, `${densest(world.closings, 1000)} in a second`);
  assertEquals([spread.progress, world.clock.pending], [{ total: 600, left: 0, remainingMs: 0 }, 0]);
});

test("closeSpread() closes any number over any time, each once, none before its part begins, none after the deadline", () => {
  const numbers = fc.tuple(fc.nat(3000), fc.integer({ min: 0, max: 100_000 }), fc.nat(100_000), fc.nat(1000));
  fc.assert(
    fc.property(numbers, ([count, deadlineMs, overMs, seed]) => {
      const world = new Closing();
      world.add(count);
      const { backend, clock, table } = world;
      table.closeSpread(() => table.of(backend), {
        reason: "drained",
        deadlineMs,
        overMs,
        random: draws(seed + 1),
      });
      clock.advance(deadlineMs);
      // What is left at the deadline takes turns, all in its moment.
      assertEquals([table.size, clock.pending, world.closings.length], [0, 0, count]);
      assert((world.closings[0] ?? deadlineMs) >= deadlineMs - overMs);
    }),
    { numRuns: 40 },
  );
});

test("closeSpread() closes many evenly, too: of 20,000 in 10 s not more than 3,000 in any second", () => {
  const world = new Closing();
  world.add(20_000);
  world.spread(10_000, 10_000);
  world.clock.advance(10_000);
  assertEquals(world.table.size, 0);
  const times = world.closings.filter((_, index) => index % 20 === 0);
  assert(densest(times, 1000) <= 150, `${densest(times, 1000) * 20} in a second`);
});

test("two balancers that close the same connections at the same time do not close at the same times", () => {
  const closings = [1, 2].map((seed) => {
    const world = new Closing();
    world.add(50);
    const { table, backend, clock } = world;
    table.closeSpread(() => table.of(backend), {
      reason: "drained",
      deadlineMs: 60_000,
      overMs: 60_000,
      random: draws(seed),
    });
    clock.advance(60_000);
    return new Set(world.closings);
  });
  const [one, other] = closings;
  assertEquals(one?.isDisjointFrom(other ?? new Set()), true);
});

test("connections that end by themselves leave more time to the others", () => {
  const world = new Closing();
  const lines = world.add(100);
  world.spread(100_000, 100_000);
  world.clock.advance(20_000);
  for (const line of lines.slice(0, 90)) if (!line.reason) line.leave();
  const before = world.closings.length;
  world.clock.advance(40_000);
  const closed = world.closings.length - before;
  assert(closed >= 2 && closed <= 8, `${closed} of the last 10 in half of the time that was left`);
});

test("connections that come to be selected later are closed too, the ones that come after the deadline as they come", async () => {
  const world = new Closing();
  world.add(1);
  let coming = 1;
  const spread = world.spread(60_000, 10_000, () => coming);
  world.clock.advance(52_000);
  world.add(20);
  world.clock.advance(8000);
  assertEquals([world.table.size, await isSettled(spread.done)], [0, false]);
  assertEquals(spread.progress, { total: 2, left: 1, remainingMs: 0 });
  coming = 0;
  world.add(1);
  world.clock.advance(1000);
  assertEquals([world.reasons, await isSettled(spread.done)], [{ drained: 22 }, true]);
  assertEquals(world.clock.pending, 0);
});

test("a spread is done soon after the last connection has ended by itself, long before the deadline", async () => {
  const world = new Closing();
  const [first, second] = world.add(2);
  const spread = world.spread(600_000, 60_000);
  world.clock.advance(1000);
  first?.leave();
  world.clock.advance(1000);
  assertEquals([await isSettled(spread.done), spread.progress.left], [false, 1]);
  second?.leave();
  world.clock.advance(100);
  assertEquals([await isSettled(spread.done), world.clock.pending], [true, 0]);
});

test("a spread waits for clients on their way who give up, and is done soon after the last has", async () => {
  const world = new Closing();
  let coming = 1;
  const spread = world.spread(600_000, 60_000, () => coming);
  world.clock.advance(5000);
  assertEquals(await isSettled(spread.done), false);
  coming = 0;
  world.clock.advance(1000);
  assertEquals([await isSettled(spread.done), world.clock.pending], [true, 0]);
});

test("a spread of nothing is done at once", async () => {
  const world = new Closing();
  const spread = world.spread(600_000, 60_000);
  assertEquals([await isSettled(spread.done), world.clock.pending], [true, 0]);
  assertEquals(spread.progress, { total: 0, left: 0, remainingMs: 0 });
});

test("connections that do not end when they are closed at the deadline are aborted 10 s after it, and then it is done", async () => {
  const world = new Closing();
  const lines = world.add(3, "stubborn");
  const spread = world.spread(5000, 0);
  world.clock.advance(5000);
  assertEquals([world.closings, world.table.size, spread.progress.left], [[5000, 5000, 5000], 3, 3]);
  world.clock.advance(10_100);
  assertEquals(
    lines.map(({ abortedAt, closedAt }) => [closedAt.length, ...abortedAt]),
    [1, 2, 3].map(() => [1, 15_000]),
  );
  assertEquals([await isSettled(spread.done), world.clock.pending], [true, 0]);
});

test("a spread that is called off closes nobody any more", async () => {
  const world = new Closing();
  world.add(100);
  const spread = world.spread(10_000, 10_000);
  world.clock.advance(5000);
  const closed = world.closings.length;
  spread[Symbol.dispose]();
  world.clock.advance(60_000);
  assertEquals([world.closings.length, await isSettled(spread.done), world.clock.pending], [closed, true, 0]);
  assertEquals(spread.progress.left, 0);
});

test("at a deadline that is now 2,500 are closed a thousand a turn, so that others get their turns between", () => {
  const world = new Closing();
  world.add(2500);
  world.spread(0, 0);
  assertEquals(world.table.size, 1500);
  world.clock.advance(0);
  assertEquals(world.table.size, 0);
});

test("the last part of a drain is a tenth of it, from a second to a minute, and never more than the whole", () => {
  assertEquals(
    [600_000, 3_600_000, 60_000, 5000, 500, 0].map(lastPartMs),
    [60_000, 60_000, 6000, 1000, 500, 0],
  );
});
