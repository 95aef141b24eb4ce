import { assert, assertEquals } from "@std/assert";
import { FailureLimit } from "../../src/admin/failure_limit.ts";
import { ManualClock } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

test("FailureLimit gives an address ten tries and one more every two seconds, and each address its own", () => {
  const clock = new ManualClock();
  const limit = new FailureLimit(() => clock.now());
  for (let tries = 0; tries < 10; tries++) {
    assertEquals(limit.waitMs("10.0.0.7"), 0);
    limit.failed("10.0.0.7");
  }
  assertEquals([limit.waitMs("10.0.0.7"), limit.waitMs("10.0.0.8")], [2000, 0]);
  clock.advance(2000);
  assertEquals(limit.waitMs("10.0.0.7"), 0);
  limit.failed("10.0.0.7");
  assertEquals(limit.waitMs("10.0.0.7"), 2000);
});

test("FailureLimit remembers 10,000 addresses and forgets the oldest for a new one", () => {
  const limit = new FailureLimit(() => 0);
  const fail = (host: string, times: number) => {
    for (let time = 0; time < times; time++) limit.failed(host);
  };
  fail("first", 10);
  fail("second", 10);
  for (let host = 2; host < 10_000; host++) limit.failed(`host-${host}`);
  assert(limit.waitMs("first") > 0);
  limit.failed("one too many");
  assertEquals(limit.waitMs("first"), 0);
  assert(limit.waitMs("second") > 0);
});
