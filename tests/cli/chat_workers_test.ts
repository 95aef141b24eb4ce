import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { DrainView, SessionView } from "../../src/admin/mod.ts";
import { type Announcement, redisRegistry } from "../../src/registry/mod.ts";
import { DEADLINE_MS, RawClient, Signal, temporaryFolder } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverOf, startWorkers, type Workers } from "./chat_workers.ts";
import { gather } from "./crowd.ts";
import { getJson, isAlive, startProgram } from "./program.ts";

const SLOW = { timeoutMs: 100_000 };

/** Waits until processes are gone. */
async function gone(pids: readonly number[]): Promise<void> {
  const endsAt = performance.now() + DEADLINE_MS;
  while (pids.some(isAlive)) {
    assert(performance.now() < endsAt, `still alive: ${pids.filter(isAlive)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Runs a command for operators to its end. */
async function run({ admin }: Workers, ...args: readonly string[]): Promise<[number | string, string]> {
  await using command = startProgram([...args, "--admin", admin]);
  return [await command.end(), command.stdout];
}

for (const kind of ["processes", "threads"]) {
  test(
    `clients on two workers that are ${kind} exchange messages, and operators see them as of one server`,
    SLOW,
    async () => {
      using folder = temporaryFolder();
      await using chat = await startWorkers([
        "--workers",
        "2",
        "--worker-kind",
        kind,
        "--data",
        `${folder.path}/data`,
      ]);
      const [ada, bob] = await chat.oneEach(["ada", "bob"]);
      assert(ada && bob);
      assertEquals([ada, bob].map(serverOf).toSorted(), ["w.1", "w.2"]);
      for (const [from, to] of [
        [ada, "bob"],
        [bob, "ada"],
      ] as const)
        assertEquals((await from.ask({ type: "send", to, text: `to ${to}` })).type, "ok");
      for (const client of [ada, bob]) {
        const texts = (await client.hasMessages(2)).map(({ text }) => text);
        assertEquals(texts.toSorted(), ["to ada", "to bob"]);
      }
      await chat.healthy(
        "two of each",
        ({ connections, sessions, workers }) => connections === 2 && sessions === 2 && workers.running === 2,
      );

      const { sessions } = (await getJson(chat.admin, "/api/sessions")) as { sessions: SessionView[] };
      assertEquals(sessions.map(({ id }) => id.replace(/\.\d+$/, "")).toSorted(), ["w.1", "w.2"]);
      const metrics = await (await fetch(`http://${chat.admin}/metrics`)).text();
      for (const line of [
        'chorus_chat_sessions{server="w.1"} 1',
        'chorus_chat_sessions{server="w.2"} 1',
        "chorus_chat_workers 2",
      ])
        assertStringIncludes(metrics, `${line}\n`);
      assertEquals(await run(chat, "announce", "hello"), [0, "announced\n"]);
      for (const client of [ada, bob]) assertEquals((await client.next("announcement")).text, "hello");
      const [code] = await run(chat, "kick", sessions.find(({ user }) => user === "bob")?.id ?? "");
      assertEquals([code, (await bob.next("closing")).reason], [0, "operator"]);

      const children = await chat.pids();
      assertEquals(children.length, kind === "threads" ? 0 : 2);
      chat.program.signal("SIGTERM");
      assertEquals(await chat.program.end(), 0);
      await gone(children);
    },
  );
}

test(
  "kill -9 of a worker while 12 clients exchange messages takes its own connections alone, loses none and doubles none",
  SLOW,
  async () => {
    using folder = temporaryFolder();
    await using chat = await startWorkers(["--workers", "2", "--data", `${folder.path}/data`]);
    const [one, two] = await chat.oneEach(["one", "two"]);
    assert(one && two);
    await using crowd = await gather(chat.tcp, 12);
    const before = await chat.pids();
    let isKilled = false;
    await crowd.exchange(30, (answered) => {
      if (isKilled || answered < 100) return;
      isKilled = true;
      process.kill(before[0] ?? -1, "SIGKILL");
    });
    for (const texts of await crowd.complete())
      assertEquals(
        texts,
        Array.from({ length: 30 }, (_, index) => `${index}`),
      );
    const lost = await Promise.race([one.closed.then(() => one), two.closed.then(() => two)]);
    const other = lost === one ? two : one;
    assertEquals((await other.ask({ type: "ping" })).type, "pong");
    await chat.program.says(`${serverOf(lost)} ended: killed by SIGKILL; it is started again in 0 ms`);
    await chat.healthy("two workers again", ({ workers }) => workers.running === 2);
    assertEquals((await chat.pids()).filter((pid) => before.includes(pid)).length, 1);
    await using back = await RawClient.login(chat.tcp, "one", { device: "another" });
    assertEquals((await back.ask({ type: "send", to: "two", text: "x" })).type, "ok");
  },
);

test(
  "with a Redis the workers are one cluster, and the parent announces one address for all of them",
  SLOW,
  async () => {
    await using redis = await redisServer();
    const found: Announcement[] = [];
    const changed = new Signal<Announcement>();
    await using registry = await redisRegistry({ url: redis.url, onError: () => undefined });
    await using _watch = await registry.watch({
      joined: (announcement) => void found.push(announcement),
      changed: (announcement) => changed.fire(announcement),
      left: () => undefined,
    });
    await using chat = await startWorkers([
      "--workers",
      "2",
      "--redis",
      redis.url,
      "--trusted",
      "127.0.0.2/32",
    ]);
    const [ada, bob] = await chat.oneEach(["ada", "bob"]);
    assert(ada && bob);
    await ada.ask({ type: "send", to: "bob", text: "by the Redis" });
    assertEquals((await bob.hasMessages(1))[0]?.text, "by the Redis");
    assertEquals((await run(chat, "drain", "--server", "--deadline", "60s"))[0], 0);
    const announcement = await changed.wait("that it drains");
    assertEquals([announcement.draining, announcement.proxy, found.length], [true, 2, 1]);
    assertEquals(announcement.tcp, `127.0.0.1:${"port" in chat.tcp ? chat.tcp.port : 0}`);
    chat.program.signal("SIGTERM");
    assertEquals(await chat.program.end(), 0);
  },
);

test(
  "a drain tells the clients of all workers, one that is started meanwhile drains too, and undrain takes clients again",
  SLOW,
  async () => {
    using folder = temporaryFolder();
    await using chat = await startWorkers(["--workers", "2", "--data", `${folder.path}/data`]);
    const [ada, bob] = await chat.oneEach(["ada", "bob"]);
    assert(ada && bob);
    assertEquals(await run(chat, "drain", "--server", "--deadline", "60s"), [
      0,
      "server w draining connections=2 sessions=2\n",
    ]);
    for (const client of [ada, bob]) assertEquals((await client.next("closing")).after, 60_000);
    const { drains } = (await getJson(chat.admin, "/api/drains")) as { drains: DrainView[] };
    assertEquals(
      drains.map(({ kind, name, total, left }) => [kind, name, total, left]),
      [["server", "w", 2, 2]],
    );

    const [pid = -1] = await chat.pids();
    process.kill(pid, "SIGKILL");
    await Promise.race([ada.closed, bob.closed]);
    await chat.program.says("it is started again");
    await chat.healthy("two workers again", ({ workers }) => workers.running === 2);
    const again = await chat.oneEach(["ann", "bea"]);
    for (const client of again) assert(Number((await client.next("closing")).after) <= 60_000);

    assertEquals((await run(chat, "undrain", "--server"))[0], 0);
    assertEquals(await getJson(chat.admin, "/api/drains"), { drains: [] });
    const [code, words] = await run(chat, "drain", "--server", "--deadline", "300ms", "--wait");
    assertEquals([code, words.endsWith("drain server w done\n")], [0, true]);
    await Promise.all([...again, ada, bob].map((client) => client.closed));
  },
);

test("the limits of an address and of the server hold for all workers together", SLOW, async () => {
  using folder = temporaryFolder();
  const limits = { CHORUS_LIMIT: "messages=off register=3 logins=off connections=4" };
  await using chat = await startWorkers(["--workers", "2", "--data", `${folder.path}/data`], limits);
  await using stack = new AsyncDisposableStack();
  for (let index = 0; index < 4; index++) {
    const client = stack.use(await RawClient.connect(chat.tcp));
    const { type, code } = await client.ask({ type: "register", name: `user${index}`, password: "secret" });
    assertEquals(code ?? type, index < 3 ? "ok" : "rate_limited");
  }
  await using fifth = await RawClient.connect(chat.tcp);
  assertEquals((await fifth.next("error")).message, "too many connections from this address");
  await fifth.closed;

  await using small = await startWorkers([
    "--workers",
    "2",
    "--max-connections",
    "1",
    "--data",
    `${folder.path}/small`,
  ]);
  await using one = await RawClient.connect(small.tcp);
  await using other = await RawClient.connect(small.tcp);
  // They may be on two workers, and the parent hears of either first.
  const refusals = [one, other].map(async (client) => ({ client, code: (await client.next("error")).code }));
  const refused = await Promise.race(refusals);
  assertEquals(refused.code, "rate_limited");
  await refused.client.closed;
  const kept = refused.client === one ? other : one;
  assertEquals((await kept.ask({ type: "ping" })).type, "pong");
});

test(
  "a stop tells the clients of all workers and ends within the grace; workers whose parent is killed end by themselves",
  SLOW,
  async () => {
    using folder = temporaryFolder();
    const args = ["--workers", "2", "--grace", "500ms", "--data", `${folder.path}/data`];
    {
      await using chat = await startWorkers(args);
      const clients = await chat.oneEach(["ada", "bob"]);
      const started = performance.now();
      chat.program.signal("SIGTERM");
      for (const client of clients) assertEquals((await client.next("closing")).reason, "draining");
      assertEquals(await chat.program.end(), 0);
      const tookMs = performance.now() - started;
      assert(tookMs >= 400, `${tookMs} ms`);
      assert(!chat.program.stderr.includes("killed"), chat.program.stderr);
    }
    await using chat = await startWorkers(args);
    const clients = await chat.oneEach(["ada", "bob"]);
    const children = await chat.pids();
    chat.program.signal("SIGKILL");
    await Promise.all(clients.map((client) => client.closed));
    await gone(children);
  },
);

test(
  "a port in use ends the start with 1, and a unix socket for several workers is a mistake",
  SLOW,
  async () => {
    using folder = temporaryFolder();
    await using chat = await startWorkers(["--workers", "2", "--data", `${folder.path}/data`]);
    const port = "port" in chat.tcp ? chat.tcp.port : 0;
    const start = (listen: string) =>
      startProgram(["chat", "--workers", "2", "--listen", listen, "--data", `${folder.path}/other`]);
    await using second = start(`127.0.0.1:${port}`);
    assertEquals(await second.end(), 1);
    assertStringIncludes(second.stderr, "in_use");
    await using unix = start(`unix:${folder.path}/socket`);
    assertEquals(await unix.end(), 2);
    assertStringIncludes(unix.stderr, "--workers: a unix socket");
  },
);

test("a pong to a balancer counts the connections of all workers", SLOW, async () => {
  using folder = temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const chat = stack.use(
    await startWorkers(["--workers", "2", "--trusted", "127.0.0.1/32", "--data", `${folder.path}/data`]),
  );
  for (let index = 0; index < 8; index++) {
    const client = stack.use(await RawClient.connect(chat.tcp));
    client.write(`PROXY TCP4 10.0.0.${index} 10.0.1.1 4000 7001\r\n`);
    assertEquals(
      (await client.ask({ type: "register", name: `user${index}`, password: "secret" })).type,
      "ok",
    );
  }
  const balancer = stack.use(await RawClient.connect(chat.tcp));
  const endsAt = performance.now() + DEADLINE_MS;
  for (;;) {
    const { connections } = await balancer.ask({ type: "ping" });
    if (connections === 9) return;
    assert(performance.now() < endsAt, `a pong counts ${connections} connections`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
