import { assertEquals } from "@std/assert";
import type { SessionView } from "../../src/admin/mod.ts";
import { ManualClock } from "../../src/async/mod.ts";
import type { SessionDesk } from "../../src/cli/session_desk.ts";
import { serveDesk, UpDesk } from "../../src/cli/up_desk.ts";
import { channelPair } from "../bus/channel_pair.ts";
import { test } from "../testing.ts";

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

/** A parent with two children that answer and one that does not. */
function start() {
  const stack = new DisposableStack();
  const told: string[] = [];
  const errors: unknown[] = [];
  const clock = new ManualClock();
  const up = new UpDesk(200);
  for (const server of ["silent", "s1", "s2"]) {
    const pair = channelPair();
    stack.defer(() => pair.break());
    up.attach(pair.parent);
    if (server === "silent") continue;
    const desk = deskOf(server, told);
    const setAside = (): number => (server === "s1" ? 3 : 1);
    stack.use(serveDesk(pair.child, { desk, setAside, onError: (error) => errors.push(error), clock }));
  }
  return { up, clock, told, errors, [Symbol.dispose]: () => stack.dispose() };
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

test("the desk knows within a second how much was set aside, which its servers count together", async () => {
  using world = start();
  assertEquals(world.up.setAside, 0);
  world.clock.advance(1000);
  // What was sent before the question is there before its answer.
  await world.up.sessions({}, 1);
  assertEquals(world.up.setAside, 3);
});

test("without a server nobody is told", async () => {
  const up = new UpDesk();
  assertEquals(await up.announce("hello"), { ok: false, status: 503, error: "no server answers" });
  assertEquals([await up.sessions({}, 1), await up.metrics(), up.setAside], [[], [], 0]);
});
