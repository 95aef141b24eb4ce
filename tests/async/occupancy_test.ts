import { assertEquals } from "@std/assert";
import { ManualClock, Occupancy } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

test("emptied() resolves at once when nobody is inside, and sets no timer", async () => {
  const clock = new ManualClock();
  await new Occupancy().emptied(100, () => undefined, clock);
  assertEquals(clock.pending, 0);
});

test("emptied() resolves when the last one leaves, for all who wait, and nobody is late", async () => {
  const clock = new ManualClock();
  const occupancy = new Occupancy();
  let late = 0;
  const onLate = (): void => {
    late += 1;
  };
  for (let index = 0; index < 3; index++) occupancy.enter();
  const waiting = [1, 2].map(() => occupancy.emptied(100, onLate, clock));
  const order: string[] = [];
  const all = Promise.all(waiting).then(() => order.push("emptied"));
  for (let index = 0; index < 3; index++) {
    await Promise.resolve();
    order.push(`left ${occupancy.count}`);
    occupancy.leave();
  }
  await all;
  clock.advance(1000);
  assertEquals([order, late, clock.pending], [["left 3", "left 2", "left 1", "emptied"], 0, 0]);
});

test("when the grace is over onLate() is called once, and emptied() still waits for the last one", async () => {
  const clock = new ManualClock();
  const occupancy = new Occupancy();
  let late = 0;
  const onLate = (): void => {
    late += 1;
  };
  occupancy.enter();
  const emptied = occupancy.emptied(100, onLate, clock);
  clock.advance(99);
  assertEquals(late, 0);
  clock.advance(1000);
  assertEquals([late, occupancy.count], [1, 1]);
  occupancy.leave();
  await emptied;
});
