import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { BusError } from "../../src/bus/contract.ts";
import { Interest } from "../../src/bus/interest.ts";
import { test } from "../testing.ts";

/** An interest whose broker answers when the test says so; `asked` is what it was asked for. */
function interest() {
  const asked: string[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const errors: Error[] = [];
  const clock = new ManualClock();
  const ask = (what: string): Promise<void> => {
    asked.push(what);
    const answer = Promise.withResolvers<void>();
    answers.push(answer);
    return answer.promise;
  };
  const tested = new Interest({
    join: (channel) => ask(`join ${channel}`),
    leave: (channel) => ask(`leave ${channel}`),
    lingerMs: 100,
    clock,
    onError: (error) => errors.push(error),
  });
  return { tested, asked, answers, clock, errors };
}

const ignore = (): void => undefined;

/** Lets everything that is ready happen. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

test("Interest joins once for many subscriptions and leaves once, lingerMs after the last", async () => {
  const { tested, asked, answers, clock } = interest();
  const subscribing = [1, 2, 3].map(() => tested.subscribe("a", ignore));
  answers[0]?.resolve();
  const subscriptions = await Promise.all(subscribing);
  for (const subscription of subscriptions) await subscription[Symbol.asyncDispose]();
  clock.advance(99);
  assertEquals(asked, ["join a"]);
  clock.advance(1);
  assertEquals(asked, ["join a", "leave a"]);
  answers[1]?.resolve();
  await settled();
  assertEquals([[...tested.channels()], clock.pending], [[], 0]);
});

test("Interest keeps a channel that is subscribed to again while it lingers, and begins to count anew", async () => {
  const { tested, asked, answers, clock } = interest();
  const first = tested.subscribe("a", ignore);
  answers[0]?.resolve();
  await (await first)[Symbol.asyncDispose]();
  clock.advance(99);
  const second = await tested.subscribe("a", ignore);
  await second[Symbol.asyncDispose]();
  clock.advance(99);
  assertEquals(asked, ["join a"]);
  clock.advance(1);
  assertEquals(asked, ["join a", "leave a"]);
});

test("Interest waits for a leave under way before it joins again, and the subscription waits for the join", async () => {
  const { tested, asked, answers, clock } = interest();
  const first = tested.subscribe("a", ignore);
  answers[0]?.resolve();
  await (await first)[Symbol.asyncDispose]();
  clock.advance(100);
  let isThere = false;
  const second = tested.subscribe("a", ignore).then(() => {
    isThere = true;
  });
  await settled();
  assertEquals([asked.at(-1), isThere], ["leave a", false]);
  answers[1]?.resolve();
  await settled();
  assertEquals([asked.at(-1), isThere], ["join a", false]);
  answers[2]?.resolve();
  await second;
});

test("Interest disposed of during the join leaves only after it, lingerMs later", async () => {
  const { tested, asked, answers, clock } = interest();
  const subscribing = tested.subscribe("a", ignore);
  const other = tested.subscribe("a", ignore);
  answers[0]?.resolve();
  await Promise.all([(await subscribing)[Symbol.asyncDispose](), (await other)[Symbol.asyncDispose]()]);
  await (await other)[Symbol.asyncDispose]();
  clock.advance(100);
  assertEquals(asked, ["join a", "leave a"]);
});

test("Interest whose join fails rejects all who wait as unavailable, and the next one tries anew", async () => {
  const { tested, asked, answers } = interest();
  const waiting = [1, 2].map(() => tested.subscribe("a", ignore));
  answers[0]?.reject(new Error("nobody there"));
  for (const one of waiting) {
    const error = await assertRejects(() => one, BusError, "nobody there");
    assertEquals(error.code, "unavailable");
  }
  const next = tested.subscribe("a", ignore);
  answers[1]?.resolve();
  await next;
  assertEquals(asked, ["join a", "join a"]);
});

test("Interest whose leave fails reports it and joins again for the next subscription", async () => {
  const { tested, asked, answers, clock, errors } = interest();
  const first = tested.subscribe("a", ignore);
  answers[0]?.resolve();
  await (await first)[Symbol.asyncDispose]();
  clock.advance(100);
  answers[1]?.reject(new Error("lost on the way"));
  await settled();
  const second = tested.subscribe("a", ignore);
  answers[2]?.resolve();
  await second;
  assertEquals([asked.at(-1), errors.map((error) => error.message)], ["join a", ["lost on the way"]]);
});

test("Interest that is closed rejects a subscription under way and leaves no timer", async () => {
  const { tested, answers, clock } = interest();
  const first = tested.subscribe("a", ignore);
  answers[0]?.resolve();
  await (await first)[Symbol.asyncDispose]();
  const second = tested.subscribe("b", ignore);
  tested.close();
  answers[1]?.reject(new Error("closed"));
  const error = await assertRejects(() => second, BusError);
  assertEquals([error.code, clock.pending], ["closed", 0]);
});
