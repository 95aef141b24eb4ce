import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { seldom } from "../../src/cli/seldom.ts";
import { test } from "../testing.ts";

test("seldom() tells the same failure once in 10 s, and others meanwhile", () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const onError = seldom((error, { during }) => told.push(`${during}: ${(error as Error).message}`), clock);
  for (let count = 0; count < 1000; count++) onError(new Error("the disk is full"), { during: "write" });
  onError(new Error("the disk is full"), { during: "close" });
  onError(new Error("the disk is gone"), { during: "write" });
  clock.advance(9999);
  onError(new Error("the disk is full"), { during: "write" });
  assertEquals(told, ["write: the disk is full", "close: the disk is full", "write: the disk is gone"]);
  clock.advance(1);
  for (let count = 0; count < 2; count++) onError(new Error("the disk is full"), { during: "write" });
  assertEquals(told.slice(3), ["write: the disk is full"]);
});

test("seldom() remembers 100 failures: what differs each time is told each time", () => {
  let told = 0;
  const onError = seldom(() => {
    told += 1;
  }, new ManualClock());
  for (let round = 0; round < 2; round++)
    for (let number = 0; number < 101; number++) onError(new Error(`${number}`), { during: "hint" });
  assertEquals(told, 202);
});
