import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { systemClock, withDeadline } from "../../../src/async/mod.ts";
import { type Bus, localBus } from "../../../src/bus/mod.ts";
import { openWriter, type Store, sqliteStore } from "../../../src/chat/mod.ts";
import { channelOf, readPayload } from "../../../src/chat/notice.ts";
import { channelPresence, type PresenceHub, presenceHub } from "../../../src/chat/presence/mod.ts";
import { PresenceFeed } from "../../../src/chat/presence/presence_feed.ts";
import { type ChannelPair, channelPair } from "../../bus/channel_pair.ts";
import { DEADLINE_MS, temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";

/** Options for {@linkcode openFeeds}. */
interface FeedsOptions {
  readonly lingerMs?: number;
  /** How soon a presence that is not attached gives up. */
  readonly deadlineMs?: number;
  readonly isAttached?: boolean;
}

/** The feeds of some servers that share a store, a bus and a presence; users named in `friends` are friends of bob. */
interface Feeds extends AsyncDisposable {
  readonly feeds: readonly PresenceFeed[];
  readonly pairs: readonly ChannelPair[];
  readonly errors: unknown[];
  /** Resolves when something was reported. */
  readonly failed: Promise<void>;
  readonly hub: PresenceHub;
  /** What bob is told, such as `+ada`; repeats of the same are left out. */
  readonly heard: readonly string[];
  /** Waits until bob was told something. */
  hears(what: string): Promise<void>;
}

async function openFeeds(
  count: number,
  friends: readonly string[],
  options: FeedsOptions = {},
): Promise<Feeds> {
  const { lingerMs = 30, deadlineMs = 5000, isAttached = true } = options;
  const stack = new AsyncDisposableStack();
  const errors: unknown[] = [];
  const failed = Promise.withResolvers<void>();
  const onError = (error: unknown): void => {
    errors.push(error);
    failed.resolve();
  };
  const { path: dir } = stack.use(temporaryFolder());
  const bus = stack.use(localBus());
  const writer = stack.use(await openWriter({ dir, durable: "memory", hint: () => undefined, onError }));
  const store = stack.use(await sqliteStore({ dir, writer }));
  await makeFriends(store, friends);
  const hub = presenceHub();
  const pairs = Array.from({ length: count }, () => channelPair());
  const feeds: PresenceFeed[] = [];
  for (const [index, { parent, child }] of pairs.entries()) {
    if (isAttached) hub.attach(parent);
    const onGone = (users: readonly string[]): void => feeds[index]?.gone(users);
    const presence = stack.use(channelPresence(child, { server: `s${index}`, deadlineMs, onGone, onError }));
    feeds.push(stack.use(new PresenceFeed({ presence, store, bus, clock: systemClock, lingerMs, onError })));
  }
  return {
    feeds,
    pairs,
    errors,
    failed: failed.promise,
    hub,
    ...(await listen(bus)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function makeFriends(store: Store, friends: readonly string[]): Promise<void> {
  await Promise.all(["bob", ...friends].map((name) => store.createUser({ name, password: "" })));
  await Promise.all(friends.map((name) => store.changeFriend(name, "request", "bob")));
  await Promise.all(friends.map((name) => store.changeFriend("bob", "accept", name)));
}

async function listen(bus: Bus): Promise<Pick<Feeds, "heard" | "hears">> {
  const heard: string[] = [];
  const waiting = new Set<() => void>();
  await bus.subscribe(channelOf("bob"), (payload) => {
    const found = readPayload(payload);
    if (found.kind !== "frame") return;
    const { name, online } = JSON.parse(Buffer.from(found.line).toString()) as {
      name: string;
      online: boolean;
    };
    const what = `${online ? "+" : "-"}${name}`;
    if (heard.findLast((other) => other.slice(1) === name) !== what) heard.push(what);
    for (const check of waiting) check();
  });
  return {
    heard,
    async hears(what) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const check = (): void => void (heard.includes(what) && resolve());
      waiting.add(check);
      check();
      await withDeadline(promise, DEADLINE_MS, `hear ${what}, heard ${heard}`);
      waiting.delete(check);
    },
  };
}

test("friends are told when the first session of a user comes, and when the last has been gone for a moment", async () => {
  await using cluster = await openFeeds(1, ["ada"]);
  const [feed] = cluster.feeds;
  feed?.entered("ada");
  feed?.entered("ada");
  await cluster.hears("+ada");
  feed?.left("ada");
  feed?.left("ada");
  await cluster.hears("-ada");
  assertEquals(cluster.heard, ["+ada", "-ada"]);
});

test("who comes back at once was not away", async () => {
  await using cluster = await openFeeds(1, ["ada", "eve"]);
  const [feed] = cluster.feeds;
  for (const user of ["ada", "eve"]) feed?.entered(user);
  await cluster.hears("+eve");
  feed?.left("ada");
  feed?.entered("ada");
  feed?.left("eve");
  await cluster.hears("-eve");
  assertEquals([...cluster.heard].sort(), ["+ada", "+eve", "-eve"]);
});

test("who has gone here and is on another server has not gone", async () => {
  await using cluster = await openFeeds(2, ["ada", "eve", "fay"]);
  const [first, second] = cluster.feeds;
  for (const feed of cluster.feeds) feed.entered("ada");
  first?.entered("eve");
  second?.entered("fay");
  await cluster.hears("+eve");
  await cluster.hears("+fay");
  first?.left("ada");
  first?.left("eve");
  await cluster.hears("-eve");
  assertEquals([...((await second?.online(["ada", "eve"])) ?? [])], ["ada"]);
  second?.left("ada");
  await cluster.hears("-ada");
});

test("friends of the users of a server that died are told by one that lives", async () => {
  await using cluster = await openFeeds(2, ["ada", "eve", "fay"]);
  const [first, second] = cluster.feeds;
  for (const user of ["ada", "eve"]) first?.entered(user);
  for (const user of ["eve", "fay"]) second?.entered(user);
  await cluster.hears("+ada");
  await cluster.hears("+fay");
  cluster.pairs[0]?.break();
  await cluster.hears("-ada");
  assertEquals(cluster.heard.includes("-eve"), false);
  assertEquals(await first?.online(["ada"]), undefined);
});

test("when a server stops, friends of its users are told before it is over, those who linger included", async () => {
  await using cluster = await openFeeds(2, ["ada", "eve"], { lingerMs: 60_000 });
  const [first] = cluster.feeds;
  for (const user of ["ada", "eve"]) first?.entered(user);
  await cluster.hears("+eve");
  first?.left("eve");
  await first?.[Symbol.asyncDispose]();
  await cluster.hears("-ada");
  await cluster.hears("-eve");
  assertEquals(cluster.errors, []);
});

test("who went while the presence did not answer, and may be in it nevertheless, is taken out when it answers again", async () => {
  await using cluster = await openFeeds(1, ["ada"], { lingerMs: 0, deadlineMs: 20, isAttached: false });
  const { feeds, pairs, hub, failed } = cluster;
  feeds[0]?.entered("ada");
  await withDeadline(failed, DEADLINE_MS, "fail");
  feeds[0]?.left("ada");
  for (const { parent } of pairs) hub.attach(parent);
  await cluster.hears("-ada");
});

test("a thousand users who come at once are all told of, and others' work goes on between", async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `u${index}`);
  await using cluster = await openFeeds(1, names);
  const [feed] = cluster.feeds;
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 0);
  for (const name of names) feed?.entered(name);
  await cluster.hears("+u999");
  clearInterval(counting);
  assertEquals(cluster.heard.length, 1000);
  assertEquals(turns >= 10, true, `the event loop turned ${turns} times`);
});
