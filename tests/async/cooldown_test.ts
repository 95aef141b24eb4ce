import { assert, assertEquals } from "@std/assert";
import { Cooldown, ManualClock } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

test("a Cooldown lets each key happen once in its time, and others meanwhile", () => {
  const clock = new ManualClock();
  const cooldown = new Cooldown(1000, clock);
  const take = (...keys: string[]): boolean[] => keys.map((key) => cooldown.take(key));
  assertEquals(take("a", "a", "b", "a"), [true, false, true, false]);
  clock.advance(999);
  assertEquals(take("a", "b"), [false, false]);
  clock.advance(1);
  assertEquals(take("a", "a", "b"), [true, false, true]);
});

test("a Cooldown remembers 100 keys: the one that was taken first is due again", () => {
  const clock = new ManualClock();
  const cooldown = new Cooldown(1000, clock);
  for (let number = 0; number < 100; number++) assert(cooldown.take(`${number}`));
  assert(!cooldown.take("0"));
  assert(cooldown.take("one more"));
  assert(cooldown.take("0"));
  assert(!cooldown.take("2"));
});
