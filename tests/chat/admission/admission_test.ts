import { assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { type Admission, admissionHub, channelAdmission, localAdmission } from "../../../src/chat/mod.ts";
import { channelPair } from "../../bus/channel_pair.ts";
import { test } from "../../testing.ts";

const UNLIMITED = { connectionsPerHost: undefined, registersPerMinute: undefined };

/** A connection that keeps what it was told. */
class Caller {
  readonly link: { readonly host: string; abort(): void };
  refused: string | undefined;

  constructor(host: string) {
    this.link = { host, abort: () => this.refuse("cut") };
  }

  refuse(message: string): void {
    this.refused = message;
  }
}

/** Lets everything that is on its way arrive, both ways: what is asked after it has its answer after it. */
async function settle(...servers: readonly Admission[]): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  for (const server of servers) await server.registerWaitMs("nobody");
}

/** Two servers that listen on one address, and the hub of their parent. */
function twoServers(options: Partial<Parameters<typeof admissionHub>[0]> = {}) {
  const clock = new ManualClock();
  const stack = new DisposableStack();
  const hub = stack.use(admissionHub({ limits: UNLIMITED, clock, ...options }));
  const pairs = [channelPair(), channelPair()] as const;
  for (const pair of pairs) {
    stack.defer(() => pair.break());
    hub.attach(pair.parent);
  }
  const [one, two] = [channelAdmission(pairs[0].child), channelAdmission(pairs[1].child)];
  return {
    clock,
    one,
    two,
    killOne: () => pairs[0].break(),
    settle: () => settle(one, two),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** Lets a caller in. */
function enter(admission: Admission, host = "10.0.0.1"): Caller {
  const caller = new Caller(host);
  admission.enter(caller);
  return caller;
}

test("one server refuses a connection of an address too many, and one too many in all, until others have gone", () => {
  const limits = { ...UNLIMITED, connectionsPerHost: 1 };
  const admission = localAdmission({ limits, maxConnections: 2, clock: new ManualClock() });
  const first = enter(admission);
  const second = enter(admission);
  assertEquals([first.refused, second.refused], [undefined, "too many connections from this address"]);
  const third = enter(admission, "10.0.0.2");
  const fourth = enter(admission, "10.0.0.3");
  assertEquals([third.refused, fourth.refused], [undefined, "the server has as many connections as it may"]);
  for (const gone of [second, fourth, third]) admission.leave(gone);
  assertEquals(enter(admission, "10.0.0.2").refused, undefined);
});

test("an address of IPv6 is one with all of its network of 64 bits, for connections as for accounts", () => {
  const limits = { ...UNLIMITED, connectionsPerHost: 1, registersPerMinute: 1 };
  const admission = localAdmission({ limits, clock: new ManualClock() });
  const first = enter(admission, "2001:db8::1");
  assertEquals(enter(admission, "2001:db8::ffff:2").refused, "too many connections from this address");
  assertEquals(enter(admission, "2001:db8:0:1::2").refused, undefined);
  admission.leave(first);
  assertEquals(enter(admission, "2001:db8::3").refused, undefined);
  assertEquals(admission.registerWaitMs("2001:db8::1"), 0);
  assertEquals(admission.registerWaitMs("2001:db8::2"), 60_000);
  assertEquals(admission.registerWaitMs("2001:db8:0:1::2"), 0);
});

test("refused connections that stay take no place from anybody, and beyond 256 of them the next is cut", () => {
  const limits = { ...UNLIMITED, connectionsPerHost: 1 };
  const admission = localAdmission({ limits, maxConnections: 2, clock: new ManualClock() });
  const first = enter(admission);
  const staying = Array.from({ length: 256 }, () => enter(admission));
  assertEquals(new Set(staying.map(({ refused }) => refused)).size, 1);
  assertEquals([enter(admission).refused, admission.refused], ["cut", 257]);
  assertEquals(enter(admission, "10.0.0.2").refused, undefined);
  // The address has its place again although those that were refused are still there.
  admission.leave(first);
  assertEquals(enter(admission).refused, undefined);
  for (const gone of staying) admission.leave(gone);
  assertEquals(admission.refused, 1);
});

test("those that the servers of one address refused are told to none of them as clients, and are cut beyond 256", async () => {
  using world = twoServers({ limits: { ...UNLIMITED, connectionsPerHost: 1 } });
  const { one, two, clock } = world;
  enter(one);
  await world.settle();
  const refused = Array.from({ length: 257 }, () => enter(two));
  await world.settle();
  assertEquals([two.refused, refused.at(-1)?.refused], [257, "cut"]);
  clock.advance(200);
  await world.settle();
  assertEquals([one.elsewhere, two.elsewhere], [0, 1]);
  for (const gone of refused) two.leave(gone);
  assertEquals(two.refused, 0);
});

test("the connections of an address count at all servers together, in the order in which they are told", async () => {
  using world = twoServers({ limits: { ...UNLIMITED, connectionsPerHost: 2 } });
  const { one, two } = world;
  const first = enter(one);
  const second = enter(two);
  await world.settle();
  const third = enter(one);
  const other = enter(two, "10.0.0.2");
  await world.settle();
  assertEquals(
    [first, second, third, other].map(({ refused }) => refused !== undefined),
    [false, false, true, false],
  );
  for (const caller of [third, first]) one.leave(caller);
  await world.settle();
  const next = enter(two);
  await world.settle();
  assertEquals(next.refused, undefined);
});

test("the connections of a server that died count no more", async () => {
  using world = twoServers({ maxConnections: 1 });
  enter(world.one);
  await world.settle();
  const refused = enter(world.two);
  await world.settle();
  assertEquals(refused.refused, "the server has as many connections as it may");
  world.two.leave(refused);
  world.killOne();
  await world.settle();
  const next = enter(world.two);
  await world.settle();
  assertEquals(next.refused, undefined);
});

test("the accounts that an address makes count at all servers together, and after a minute it may make more", async () => {
  using world = twoServers({ limits: { ...UNLIMITED, registersPerMinute: 2 } });
  const { one, two, clock } = world;
  const answers = [];
  for (const admission of [one, two, one]) answers.push(await admission.registerWaitMs("10.0.0.1"));
  assertEquals(answers, [0, 0, 30_000]);
  assertEquals(await two.registerWaitMs("10.0.0.2"), 0);
  clock.advance(60_000);
  assertEquals(await two.registerWaitMs("10.0.0.1"), 0);
});

test("a server is told how many connections the others have", async () => {
  using world = twoServers();
  const { one, two, clock } = world;
  enter(one);
  const gone = enter(one);
  enter(two);
  await world.settle();
  clock.advance(200);
  await world.settle();
  assertEquals([one.elsewhere, two.elsewhere], [1, 2]);
  one.leave(gone);
  await world.settle();
  clock.advance(200);
  await world.settle();
  assertEquals([one.elsewhere, two.elsewhere], [1, 1]);
});

test("a server whose parent is gone lets nobody make an account, and asks to come again", async () => {
  using world = twoServers();
  const asked = world.one.registerWaitMs("10.0.0.1");
  world.killOne();
  assertEquals([await asked, await world.one.registerWaitMs("10.0.0.1")], [1000, 1000]);
});
