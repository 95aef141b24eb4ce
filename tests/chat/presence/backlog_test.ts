import { assertEquals } from "@std/assert";
import { ManualClock, systemClock } from "../../../src/async/mod.ts";
import { Backlog } from "../../../src/chat/presence/backlog.ts";
import { Signal } from "../../helpers.ts";
import { test } from "../../testing.ts";

const OPTIONS = { batchSize: 2, maxWaiting: 100, clock: systemClock };

test("a backlog works off everything in batches, and of each key the newest value", async () => {
  const batches: [string, number][][] = [];
  const done = new Signal<void>();
  const backlog = new Backlog<number>({
    ...OPTIONS,
    work: async (batch) => {
      batches.push([...batch]);
      if (batch.has("c")) done.fire();
    },
    onError: (error) => {
      throw error;
    },
  });
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["a", 3],
    ["c", 4],
  ] as const) {
    backlog.add(key, value);
  }
  await done.wait("the last batch");
  assertEquals(batches, [
    [
      ["a", 3],
      ["b", 2],
    ],
    [["c", 4]],
  ]);
  await backlog.close(1000);
});

test("what fails in a backlog is reported and done again after a while, with a newer value if there is one", async () => {
  const clock = new ManualClock();
  const tries: [string, number][][] = [];
  const errors: unknown[] = [];
  const tried = [new Signal<void>(), new Signal<void>()];
  const backlog = new Backlog<number>({
    ...OPTIONS,
    clock,
    work: async (batch) => {
      tries.push([...batch]);
      if (tries.length === 1) throw new Error("not now");
      tried[1]?.fire();
    },
    onError: (error) => {
      errors.push(error);
      tried[0]?.fire();
    },
  });
  backlog.add("a", 1);
  backlog.add("b", 1);
  clock.advance(0);
  await tried[0]?.wait("the first try");
  backlog.add("a", 2);
  await Promise.resolve();
  assertEquals(tries.length, 1);
  clock.advance(200);
  await tried[1]?.wait("the second try");
  assertEquals(new Map(tries[1]), new Map([...(tries[0] ?? []), ["a", 2]]));
  assertEquals(errors.length, 1);
  await backlog.close(1000);
});

test("a closing backlog does what is left, each batch once, and takes nothing new", async () => {
  const done: string[] = [];
  let failures = 0;
  const backlog = new Backlog<true>({
    ...OPTIONS,
    work: async (batch) => {
      done.push(...batch.keys());
      if (batch.has("bad")) throw new Error("never");
    },
    onError: () => {
      failures += 1;
    },
  });
  for (const key of ["a", "bad", "c"]) backlog.add(key, true);
  const closing = backlog.close(1000);
  backlog.add("late", true);
  await closing;
  assertEquals([done, failures, backlog.size], [["a", "bad", "c"], 1, 0]);
});

test("a backlog whose work hangs is closed after its grace, and says so", async () => {
  const errors: unknown[] = [];
  const started = new Signal<void>();
  const backlog = new Backlog<true>({
    ...OPTIONS,
    work: () => {
      started.fire();
      return Promise.withResolvers<void>().promise;
    },
    onError: (error) => errors.push(error),
  });
  backlog.add("a", true);
  await started.wait("the work");
  await backlog.close(10);
  assertEquals(String(errors), "DeadlineError: Cannot finish what is under way: no answer within 10 ms");
});

test("a full backlog forgets what has waited the longest", async () => {
  const done: string[] = [];
  const backlog = new Backlog<true>({
    ...OPTIONS,
    maxWaiting: 2,
    work: async (batch) => void done.push(...batch.keys()),
    onError: (error) => {
      throw error;
    },
  });
  for (const key of ["a", "b", "c"]) backlog.add(key, true);
  await backlog.close(1000);
  assertEquals(done, ["b", "c"]);
});
