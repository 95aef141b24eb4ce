import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeadlineError, ManualClock, systemClock, wait, withDeadline } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

/** What has become of a promise, once every settled one has been heard of. */
async function stateOf(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  let state: "pending" | "resolved" | "rejected" = "pending";
  promise.then(
    () => {
      state = "resolved";
    },
    () => {
      state = "rejected";
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return state;
}

test("wait() resolves when its time has come on its clock, and not before", async () => {
  const clock = new ManualClock();
  const waiting = wait(100, { clock });
  clock.advance(99);
  assertEquals(await stateOf(waiting), "pending");
  clock.advance(1);
  assertEquals(await stateOf(waiting), "resolved");
});

test("wait() rejects with the signal's reason as soon as it is aborted, and its timer is gone", async () => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const waiting = wait(100, { clock, signal: abort.signal });
  assertEquals(clock.pending, 1);
  const reason = new RangeError("enough");
  abort.abort(reason);
  assertEquals(await assertRejects(() => waiting, RangeError), reason);
  assertEquals(clock.pending, 0);
  assertEquals(await assertRejects(() => wait(100, { clock, signal: abort.signal }), RangeError), reason);
  assertEquals(clock.pending, 0);
});

test("a long-lived signal keeps no listener of the waits that are over", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove.apply(signal, args);
  };
  const waits = Array.from({ length: 10 }, () => wait(5, { clock, signal }));
  assertEquals(listeners, 10);
  clock.advance(5);
  await Promise.all(waits);
  assertEquals(listeners, 0);
});

test("withDeadline() gives what the promise gives, or its error, and leaves no timer", async () => {
  const clock = new ManualClock();
  assertEquals(await withDeadline(Promise.resolve(7), 100, "count", clock), 7);
  const failing = Promise.reject(new RangeError("broken"));
  await assertRejects(() => withDeadline(failing, 100, "count", clock), RangeError, "broken");
  assertEquals(clock.pending, 0);
});

test("withDeadline() rejects when the time is over; a failure that comes later is nobody's", async () => {
  const clock = new ManualClock();
  const late = Promise.withResolvers<void>();
  const bound = withDeadline(late.promise, 100, "ask the server", clock);
  clock.advance(99);
  assertEquals(await stateOf(bound), "pending");
  clock.advance(1);
  await assertRejects(() => bound, DeadlineError, "Cannot ask the server: no answer within 100 ms");
  late.reject(new Error("too late"));
  await new Promise((resolve) => setImmediate(resolve));
});

test("the system's clock goes on, and a timer that was canceled does not fire", async () => {
  const before = systemClock.now();
  let hasFired = false;
  const timer = systemClock.after(1, () => {
    hasFired = true;
  });
  timer.cancel();
  await wait(2);
  assert(systemClock.now() > before, "it was to go on");
  assert(Math.abs(systemClock.wallNow() - Date.now()) < 1000, "wallNow() is the time of day");
  assert(!hasFired, "it was canceled");
});
