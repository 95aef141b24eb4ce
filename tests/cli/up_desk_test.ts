import { assertEquals } from "@std/assert";
import type { Outcome, SessionView } from "../../src/admin/mod.ts";
import { ManualClock } from "../../src/async/mod.ts";
import type { SessionDesk } from "../../src/cli/session_desk.ts";
import { serveDesk, UpDesk } from "../../src/cli/up_desk.ts";
import { channelPair } from "../bus/channel_pair.ts";
import { test } from "../testing.ts";

const UNANSWERED: Outcome = {
  ok: false,
  status: 503,
  error: "a server does not answer in time; it may still do it",
};

function viewOf(id: string): SessionView {
  const rest = { user: "ada", device: "d", client: "127.0.0.1", ageMs: 1, idleMs: 1 };
  return { id, server: id.split(".")[0] ?? "", ...rest, queuedBytes: 0, sentBytes: 0 };
}

/** The desk of a server with one session. */
function deskOf(server: string, told: string[]): SessionDesk {
  const id = `${server}.1`;
  return {
    sessions: () => [viewOf(id)],
    closeSession: (asked) => (asked === id ? { ok: true } : { ok: false, status: 404 }),
    closeUserSessions: (user) => {
      told.push(`${server} ${user}`);
      return { ok: true };
    },
    announce: (text) => {
      told.push(`${server} ${text}`);
      return { ok: true };
    },
    servers: () => [
      { name: server, connections: 2, sessions: 1, received: 5, delivered: 9, draining: false },
    ],
    metrics: () => [
      { name: "chorus_x", help: "X.", type: "gauge", samples: [{ labels: { server }, value: 1 }] },
    ],
  };
}

/** A parent with two children that answer and one that does not; both say of their store what is in `stores`. */
function start() {
  const stack = new DisposableStack();
  const told: string[] = [];
  const errors: unknown[] = [];
  const clock = new ManualClock();
  const stores = { s1: { isUp: true, setAside: 3 }, s2: { isUp: true, setAside: 1 } };
  const up = new UpDesk(200);
  const pairs = { silent: channelPair(), s1: channelPair(), s2: channelPair() };
  for (const pair of Object.values(pairs)) {
    stack.defer(() => pair.break());
    up.attach(pair.parent);
  }
  for (const server of ["s1", "s2"] as const) {
    const desk = deskOf(server, told);
    const options = { desk, store: stores[server], onError: (error: unknown) => errors.push(error), clock };
    stack.use(serveDesk(pairs[server].child, options));
  }
  return { up, clock, pairs, stores, told, errors, [Symbol.dispose]: () => stack.dispose() };
}

test("a desk of several servers lists the sessions of all that answer, and closes one wherever it is", async () => {
  using world = start();
  const { up } = world;
  assertEquals(
    (await up.sessions({}, 10)).map(({ id }) => id),
    ["s1.1", "s2.1"],
  );
  assertEquals(
    (await up.servers()).map(({ name }) => name),
    ["s1", "s2"],
  );
  assertEquals(await up.closeSession("s2.1"), { ok: true });
  // It may be one of the server that is silent, which may still close it.
  assertEquals(await up.closeSession("s3.1"), UNANSWERED);
  world.pairs.silent.break();
  await world.pairs.silent.parent.closed;
  assertEquals(await up.closeSession("s3.1"), { ok: false, status: 404 });
  assertEquals(await up.metrics(), [
    {
      name: "chorus_x",
      help: "X.",
      type: "gauge",
      samples: [
        { labels: { server: "s1" }, value: 1 },
        { labels: { server: "s2" }, value: 1 },
      ],
    },
  ]);
});

test("what reaches all sessions of a cluster is asked of one server that answers", async () => {
  using world = start();
  assertEquals(await world.up.announce("hello"), { ok: true });
  assertEquals(await world.up.closeUserSessions("ada", { revoke: false }), { ok: true });
  assertEquals(world.told, ["s1 hello", "s1 ada"]);
  assertEquals(world.errors, []);
});

test("an announcement that a server may still make is given to no other one", async () => {
  using world = start();
  const { pairs, told } = world;
  const asked: unknown[] = [];
  // It hangs from when it is asked to announce.
  pairs.silent.child.on("desk", (body) => {
    const { number, ask } = body as { number: number; ask: { type: string } };
    asked.push(ask.type);
    if (ask.type === "servers") pairs.silent.child.send("desk", { type: "answer", number, value: [] });
  });
  assertEquals(await world.up.announce("hello"), UNANSWERED);
  assertEquals([asked, told], [["servers", "announce"], []]);
});

test("the desk knows within a second how much was set aside, which its servers count together", async () => {
  using world = start();
  assertEquals(world.up.store, { isUp: true, setAside: 0 });
  world.clock.advance(1000);
  // What was sent before the question is there before its answer.
  await world.up.sessions({}, 1);
  assertEquals(world.up.store, { isUp: true, setAside: 3 });
});

test("the desk knows within a second that a server cannot reach the store, until that server can or is gone", async () => {
  using world = start();
  const { up, clock, pairs, stores } = world;
  async function seen(): Promise<boolean> {
    clock.advance(1000);
    await up.sessions({}, 1);
    return up.store.isUp;
  }
  const before = await seen();
  stores.s2.isUp = false;
  const away = await seen();
  stores.s2.isUp = true;
  const back = await seen();
  stores.s2.isUp = false;
  const again = await seen();
  pairs.s2.break();
  await pairs.s2.parent.closed;
  assertEquals([before, away, back, again, up.store.isUp], [true, false, true, false, true]);
});

test("without a server nobody is told", async () => {
  const up = new UpDesk();
  assertEquals(await up.announce("hello"), { ok: false, status: 503, error: "no server answers" });
  assertEquals(
    [await up.sessions({}, 1), await up.metrics(), up.store],
    [[], [], { isUp: true, setAside: 0 }],
  );
});
