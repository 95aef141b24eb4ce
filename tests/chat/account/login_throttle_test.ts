import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { LoginThrottle, MAX_LOGIN_FAILURES } from "../../../src/chat/account/login_throttle.ts";
import { ProtocolError } from "../../../src/chat/protocol.ts";
import { type LoginFailures, openWriter, sqliteStore } from "../../../src/chat/store/mod.ts";
import { temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";

interface World extends AsyncDisposable {
  readonly throttle: LoginThrottle;
  readonly clock: ManualClock;
  /** Notes failures of a name, each from another address. */
  fail(name: string, count: number): Promise<void>;
  /** What is counted of a name and an address. */
  failures(name: string, host: string): Promise<LoginFailures>;
  /** Resolves when so many tries wait for the clock. */
  waiting(count: number): Promise<void>;
}

async function start(failures: number | undefined): Promise<World> {
  const stack = new AsyncDisposableStack();
  const { path: dir } = stack.use(temporaryFolder());
  const clock = new ManualClock();
  const onError = (error: Error): never => {
    throw error;
  };
  const writer = stack.use(
    await openWriter({ dir, durable: "memory", hint: () => undefined, onError, clock }),
  );
  const store = stack.use(await sqliteStore({ dir, writer }));
  // The writer has timers of its own.
  const before = clock.pending;
  return {
    throttle: new LoginThrottle({ store, clock, failures }),
    clock,
    async fail(name, count) {
      for (let index = 0; index < count; index++)
        await store.noteLoginTry(name, `10.0.0.${index}`, clock.wallNow());
    },
    failures: async (name, host) => (await store.noteLoginTry(name, host, clock.wallNow())).before,
    async waiting(count) {
      while (clock.pending - before < count) await new Promise((resolve) => setImmediate(resolve));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const right = async (): Promise<boolean> => true;

test("a try waits 100 ms after as many failures as are free, twice as long after each more, and never longer than 5 s", async () => {
  await using world = await start(3);
  const { throttle, clock } = world;
  for (const [failures, delayMs] of [
    [3, 100],
    [1, 200],
    [2, 800],
    [10, 5000],
  ] as const) {
    await world.fail("ada", failures);
    let isDone = false;
    const attempt = throttle.attempt("ada", "here", right).then((found) => {
      isDone = found;
    });
    await world.waiting(1);
    clock.advance(delayMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(isDone, false);
    clock.advance(1);
    await attempt;
    assertEquals(isDone, true);
  }
});

test("a name that nobody has guessed at does not wait, nor does any without a limit", async () => {
  await using world = await start(3);
  await world.fail("ada", 50);
  assertEquals(await world.throttle.attempt("bob", "here", right), true);
  await using unlimited = await start(undefined);
  await unlimited.fail("ada", 50);
  assertEquals(await unlimited.throttle.attempt("ada", "here", right), true);
});

test("at most four tries of an address wait at once; a fifth is rate_limited, one from elsewhere waits, too", async () => {
  await using world = await start(1);
  const { throttle, clock } = world;
  await world.fail("ada", 20);
  const here = [1, 2, 3, 4].map(() => throttle.attempt("ada", "here", right));
  await world.waiting(4);
  const fifth = await assertRejects(() => throttle.attempt("ada", "here", right), ProtocolError);
  assertEquals([fifth.code, fifth.retryMs], ["rate_limited", 5000]);
  assertStringIncludes(fifth.message, "failed logins of this name");
  const elsewhere = throttle.attempt("ada", "elsewhere", right);
  await world.waiting(5);
  clock.advance(5000);
  assertEquals(await Promise.all([...here, elsewhere]), new Array(5).fill(true));
});

test("of many tries at once with one name, no more than those that are free are made at once, from however many addresses", async () => {
  await using world = await start(3);
  const { throttle, clock } = world;
  let made = 0;
  const wrong = async (): Promise<boolean> => {
    made += 1;
    return false;
  };
  const tries = Array.from({ length: 20 }, (_, index) => throttle.attempt("ada", `10.0.1.${index}`, wrong));
  await world.waiting(17);
  assertEquals(made, 3);
  clock.advance(5000);
  await Promise.all(tries);
  assertEquals(made, 20);
});

test("of many tries at once from one address, no more than those that are free and one are made, and the others do not count", async () => {
  await using world = await start(1);
  const { throttle } = world;
  let made = 0;
  const wrong = async (): Promise<boolean> => {
    made += 1;
    return false;
  };
  const tries = Array.from({ length: 20 }, (_, index) => throttle.attempt(`user${index}`, "here", wrong));
  const outcomes = await Promise.allSettled(tries);
  const refusals = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  assertEquals(
    refusals.map(({ code, message }) => [code, message]),
    new Array(15).fill(["rate_limited", "too many failed logins from this address"]),
  );
  assertEquals(made, 5);
  assertEquals(await world.failures("nobody", "here"), { name: 0, host: 5 });
});

test("an address of IPv6 is one with all of its network of 64 bits", async () => {
  await using world = await start(1);
  const wrong = async (): Promise<boolean> => false;
  for (let index = 0; index < 5; index++)
    await world.throttle.attempt(`user${index}`, `2001:db8::${index}`, wrong);
  await assertRejects(
    () => world.throttle.attempt("user5", "2001:db8::5", wrong),
    ProtocolError,
    "too many failed logins from this address",
  );
  assertEquals(await world.throttle.attempt("user5", "2001:db8:0:1::5", wrong), false);
});

test("the largest limit still slows an address down for as long as it may, and a larger one is refused", async () => {
  const most = MAX_LOGIN_FAILURES;
  await using world = await start(most);
  await Promise.all(
    Array.from({ length: 4 * most + 6 }, (_, index) => world.failures(`user${index}`, "here")),
  );
  assertEquals(await world.throttle.attempt("ada", "here", right), true);
  const next = await assertRejects(() => world.throttle.attempt("bob", "here", right), ProtocolError);
  assertEquals([next.code, next.retryMs], ["rate_limited", 5000]);
  await assertRejects(() => start(most + 1), RangeError, "failures must be at most 200, received 201");
});

test("a right password does not count, nor does a try that was not made because too many were", async () => {
  await using world = await start(1);
  const { throttle } = world;
  for (let index = 0; index < 10; index++) assertEquals(await throttle.attempt("ada", "here", right), true);
  const busy = new ProtocolError("rate_limited", "too many log in at once");
  const refused = async (): Promise<boolean> => {
    throw busy;
  };
  for (let index = 0; index < 10; index++) {
    assertEquals(await assertRejects(() => throttle.attempt("ada", "here", refused), ProtocolError), busy);
  }
  assertEquals(await world.failures("ada", "here"), { name: 0, host: 0 });
});

test("failures are forgotten after a quarter of an hour", async () => {
  await using world = await start(1);
  await world.fail("ada", 20);
  world.clock.advance(900_001);
  assertEquals(await world.throttle.attempt("ada", "here", right), true);
});
