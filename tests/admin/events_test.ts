import { connect } from "node:net";
import { join } from "node:path";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Feed, MAX_FOLLOWERS } from "../../src/admin/feed.ts";
import type { BackendView, Control } from "../../src/admin/mod.ts";
import { AdminToken } from "../../src/admin/mod.ts";
import { Refusal } from "../../src/admin/refusal.ts";
import { type Clock, ManualClock, systemClock } from "../../src/async/mod.ts";
import { Signal, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { EventReader, followEvents } from "./followers.ts";
import { HEALTHY, startWith, urlOf } from "./requests.ts";

type Changing<T> = { -readonly [K in keyof T]: T[K] };

const COUNTS = { missed: 0, weight: 1, connections: 0, total: 0, source: "config", backup: false };

/** A role with one pool, and how often it was looked at. */
class Role {
  readonly backends: Changing<BackendView>[] = [{ name: "a:1", state: "up", ...COUNTS, stateMs: 5 }];
  looks = 0;
  readonly lookedTwice: Signal<void> = new Signal();

  control(): Control {
    return {
      ...HEALTHY,
      pools: () => {
        this.looks += 1;
        if (this.looks === 2) this.lookedTwice.fire();
        return [{ name: "p", policy: "random", dispatch: "splice", backends: this.backends, queued: 0 }];
      },
    };
  }

  get first(): Changing<BackendView> {
    const [first] = this.backends;
    if (!first) throw new Error("no backend");
    return first;
  }
}

function feedOf(role: Role): { feed: Feed; clock: ManualClock; errors: unknown[] } {
  const [clock, errors] = [new ManualClock(), [] as unknown[]];
  const feed = new Feed({ control: role.control(), clock, onError: (error) => errors.push(error) });
  return { feed, clock, errors };
}

/** Lets what was looked at reach those who follow. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

test("who follows is told everything at first and then what has changed, once a second", async () => {
  const role = new Role();
  const { feed, clock } = feedOf(role);
  await using reader = new EventReader(feed.follow());
  const first = await reader.next();
  assertEquals(first?.name, "picture");
  assertEquals(first?.data.health, { healthy: true, role: "balance" });
  assertEquals(first?.data.pools, [{ key: "p", name: "p", policy: "random", dispatch: "splice", queued: 0 }]);
  assertEquals(first?.data.backends, [{ key: "p\na:1", pool: "p", name: "a:1", state: "up", ...COUNTS }]);
  role.first.connections = 3;
  role.first.lastError = "reset";
  role.first.stateMs = 9;
  clock.advance(1000);
  const at = clock.wallNow();
  const row = { key: "p\na:1", connections: 3, lastError: "reset" };
  assertEquals(await reader.next(), { name: "change", data: { at, backends: [row] } });
  role.first.lastError = undefined;
  clock.advance(1000);
  const cleared = await reader.next();
  assertEquals(cleared?.data.backends, [{ key: "p\na:1", lastError: null }]);
  role.backends.length = 0;
  clock.advance(1000);
  assertEquals((await reader.next())?.data, { at: clock.wallNow(), gone: { backends: ["p\na:1"] } });
});

test("to one who is slow nothing is kept: it is told how things are when it can take more", async () => {
  const role = new Role();
  const { feed, clock } = feedOf(role);
  await using reader = new EventReader(feed.follow());
  for (let second = 1; second <= 20; second++) {
    await settled();
    role.first.connections = second;
    clock.advance(1000);
  }
  await settled();
  // One was waiting for it; the next one leads from there to the newest.
  const waiting = await reader.next();
  const next = await reader.next();
  assertEquals([waiting?.name, next?.name], ["picture", "change"]);
  assertEquals(next?.data.backends, [{ key: "p\na:1", connections: 20 }]);
});

test("one who takes nothing for more than 30 seconds is let go", async () => {
  const { feed, clock } = feedOf(new Role());
  const reader = feed.follow().getReader();
  for (let second = 0; second < 33; second++) {
    await settled();
    clock.advance(1000);
  }
  await settled();
  assertEquals(feed.followers, 0);
  const error = await reader.read().then(
    () => undefined,
    (found: unknown) => found,
  );
  assert(error instanceof Error, "its stream did not fail");
});

test("nothing is looked at while nobody follows, and once for all who do", async () => {
  const role = new Role();
  const { feed, clock } = feedOf(role);
  assertEquals([clock.pending, role.looks], [0, 0]);
  const readers = [new EventReader(feed.follow()), new EventReader(feed.follow())];
  for (const reader of readers) await reader.next();
  assertEquals(role.looks, 1);
  for (const reader of readers) await reader[Symbol.asyncDispose]();
  assertEquals([feed.followers, clock.pending], [0, 0]);
});

test("a look that fails is reported, and the next one is told", async () => {
  const role = new Role();
  const { feed, clock, errors } = feedOf(role);
  await using reader = new EventReader(feed.follow());
  await reader.next();
  const backends = Object.getOwnPropertyDescriptor(role, "backends");
  Object.defineProperty(role, "backends", { configurable: true, value: undefined });
  clock.advance(1000);
  await settled();
  Object.defineProperty(role, "backends", { ...backends });
  clock.advance(1000);
  assertEquals((await reader.next())?.name, "change");
  assertEquals(errors.length, 1);
});

test("at most 32 follow: one more is refused with 503, until one leaves", async () => {
  const { feed } = feedOf(new Role());
  const streams = Array.from({ length: MAX_FOLLOWERS }, () => feed.follow());
  const { status, headers } = assertThrows(() => feed.follow(), Refusal);
  assertEquals([status, headers["retry-after"]], [503, "10"]);
  await streams[0]?.cancel();
  await feed.follow().cancel();
  feed.close();
  assertThrows(() => feed.follow(), Refusal);
});

test("GET /api/events is for operators, and not for a page of another site", async () => {
  using folder = temporaryFolder();
  const token = AdminToken.open(join(folder.path, "token"));
  if (typeof token === "string") throw new Error(token);
  await using admin = await startWith(new Role().control(), { token });
  const url = urlOf(admin, "/api/events");
  const stranger = await fetch(url);
  assertEquals(stranger.status, 401);
  await using open = await startWith(new Role().control());
  const other = await fetch(urlOf(open, "/api/events"), { headers: { "sec-fetch-site": "cross-site" } });
  assertEquals(other.status, 403);
  await Promise.all([stranger.body?.cancel(), other.body?.cancel()]);
  const head = await fetch(urlOf(open, "/api/events"), { method: "HEAD" });
  assertEquals([head.status, head.headers.get("content-type")], [200, "text/event-stream"]);
});

test("a client that goes away follows no more", async () => {
  const rested = new Signal<void>();
  // The timer of the next look is canceled when nobody follows any more.
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, callback) => {
      const timer = systemClock.after(delayMs, callback);
      return { cancel: () => [timer.cancel(), rested.fire()] };
    },
  };
  await using admin = await startWith(new Role().control(), { clock });
  const reader = await followEvents(urlOf(admin, "/api/events"));
  await reader.next();
  await reader[Symbol.asyncDispose]();
  await rested.wait("nobody look any more");
});

test("an admin server that is closed ends those who follow, also one who does not read", async () => {
  const role = new Role();
  for (let index = 0; index < 5000; index++)
    role.backends.push({ name: `b${index}:1`, state: "up", ...COUNTS, lastError: "x".repeat(2000) });
  const admin = await startWith(role.control());
  await using reader = await followEvents(urlOf(admin, "/api/events"));
  await reader.next();
  if (!("port" in admin.address)) throw new Error("no TCP address");
  const deaf = connect({ host: admin.address.host, port: admin.address.port });
  deaf.on("error", () => undefined);
  deaf.pause();
  deaf.write("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await role.lookedTwice.wait("a second look");
  const startedAt = performance.now();
  await admin.close();
  const tookMs = performance.now() - startedAt;
  assert(tookMs < 3000, `it took ${tookMs} ms`);
  for (let event = await reader.next(); event; event = await reader.next())
    assertEquals(event.name, "change");
  deaf.destroy();
});
