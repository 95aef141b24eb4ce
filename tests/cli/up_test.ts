import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { RawClient, Signal, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { gather } from "./crowd.ts";
import { childrenOf, getJson, isAlive, type Program, partAddress, startProgram } from "./program.ts";

const FREE = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", ":memory:", "--grace", "300ms"];

interface PoolsView {
  readonly pools: readonly { readonly name: string; readonly backends: readonly BackendView[] }[];
}

interface BackendView {
  readonly name: string;
  readonly state: string;
  readonly connections: number;
  readonly total: number;
}

async function backendsOf(program: Program): Promise<readonly BackendView[]> {
  const { admin } = await program.ready();
  const { pools } = (await getJson(admin, "/api/pools")) as PoolsView;
  return pools[0]?.backends ?? [];
}

/** Where a `:memory:` keeps its data while it runs: other things may lie in a folder of temporary files. */
function dataFoldersIn(path: string): string[] {
  return readdirSync(path).filter((name) => name.startsWith("chorus-"));
}

test("up is ready quickly, users on different servers talk, and SIGTERM leaves no process and no data", async () => {
  const started = performance.now();
  using folder = temporaryFolder();
  await using up = startProgram(["up", ...FREE], { env: { TMPDIR: folder.path } });
  const ready = await up.ready();
  assert(performance.now() - started < 10_000, "it was to be ready in 10 s");
  assertMatch(up.stdout, /^chorus up ready tcp=127\.0\.0\.1:\d+ admin=127\.0\.0\.1:\d+\n$/);
  const children = await childrenOf(up.pid);
  assertEquals(children.length, 3);
  const tcp = partAddress(ready, "tcp");
  {
    await using ada = await RawClient.login(tcp, "ada");
    await using bob = await RawClient.login(tcp, "bob");
    const servers = [ada, bob].map((client) => client.frames.find((frame) => frame.server)?.server);
    assert(servers[0] !== servers[1], `both are on ${servers}`);
    const text = `quotes " ' NUL \0 emoji \u{1F680} ${"x".repeat(2000)}`;
    const first = await ada.ask({ type: "send", id: "7", to: "bob", text });
    assertEquals((await bob.hasMessages(1))[0]?.text, text);
    const again = await ada.ask({ type: "send", id: "7", to: "bob", text });
    assertEquals([again.duplicate, again.seq], [true, first.seq]);
    assertEquals((await backendsOf(up)).map(({ connections }) => connections).sort(), [0, 1, 1]);
  }
  up.signal("SIGTERM");
  assertEquals(await up.end(), 0);
  assertEquals([children.filter(isAlive), dataFoldersIn(folder.path)], [[], []]);
});

test("a data folder that cannot be made ends up and chat with 1 and a sentence", {
  ...(process.platform !== "linux" && { skip: "there is no /proc" }),
}, async () => {
  for (const command of ["up", "chat"]) {
    await using program = startProgram([
      command,
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "none",
      "--data",
      "/proc/x",
    ]);
    assertEquals([await program.end(), program.stdout], [1, ""], command);
    assertMatch(program.stderr, /^chorus: Cannot open data folder "\/proc\/x": .*\n$/);
  }
});

test("up says on standard error where to connect and how to try it", async () => {
  await using up = startProgram(["up", ...FREE, "--servers", "1"]);
  const { tcp = "", admin = "" } = await up.ready();
  await up.says("Ctrl-C");
  for (const words of [`client ${tcp}`, `nc ${tcp.replace(":", " ")}`, `http://${admin}/`, "register"]) {
    assertStringIncludes(up.stderr, words);
  }
});

test("kill -9 of a server while 20 clients exchange messages loses none and doubles none", {
  timeoutMs: 60_000,
}, async () => {
  await using up = startProgram(["up", ...FREE]);
  const tcp = partAddress(await up.ready(), "tcp");
  const [victim = -1] = await childrenOf(up.pid);
  await using crowd = await gather(tcp, 20);
  let kills = 0;
  await crowd.exchange(30, (answered) => {
    if (answered !== 200) return;
    process.kill(victim, "SIGKILL");
    kills += 1;
  });
  const received = await crowd.complete();
  assertEquals(kills, 1);
  for (const texts of received)
    assertEquals(
      texts,
      Array.from({ length: 30 }, (_, index) => String(index)),
    );
  // The server that died is started again.
  while ((await childrenOf(up.pid)).filter(isAlive).length < 3)
    await new Promise((resolve) => setTimeout(resolve, 100));
});

test("up on a unix socket serves its clients, and says what cannot be done there", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "socket");
  const args = ["up", ...FREE, "--listen", `unix:${path}`];
  await using up = startProgram(args);
  await up.ready();
  await using ada = await RawClient.login({ path }, "ada");
  await using bob = await RawClient.login({ path }, "bob");
  assertEquals((await ada.ask({ type: "send", to: "bob", text: "hello" })).type, "ok");
  await bob.hasMessages(1);
  await using refused = startProgram([...args, "--dispatch", "hand-over"]);
  assertEquals(await refused.end(), 2);
  assertStringIncludes(refused.stderr, "--dispatch hand-over takes no unix socket");
});

test("up with splice balances and delivers as with hand-over", async () => {
  await using up = startProgram(["up", ...FREE, "--dispatch", "splice"]);
  const tcp = partAddress(await up.ready(), "tcp");
  await using ada = await RawClient.login(tcp, "ada");
  await using bob = await RawClient.login(tcp, "bob");
  await ada.ask({ type: "send", to: "bob", text: "spliced" });
  assertEquals((await bob.hasMessages(1))[0]?.text, "spliced");
});

test("what was sent is still there after a restart, in files that only their owner may read", async () => {
  using folder = temporaryFolder();
  const data = join(folder.path, "data");
  const flags = ["up", ...FREE.slice(0, 4), "--data", data, "--grace", "100ms"];
  {
    await using up = startProgram(flags);
    await using ada = await RawClient.login(partAddress(await up.ready(), "tcp"), "ada");
    assertEquals((await ada.ask({ type: "send", to: "ada", text: "kept" })).durable, "disk");
    up.signal("SIGINT");
    assertEquals(await up.end(), 0);
  }
  const modes = [data, ...readdirSync(data).map((file) => join(data, file))].map(
    (path) => statSync(path).mode & 0o077,
  );
  assertEquals(new Set(modes), new Set([0]));
  await using up = startProgram(flags);
  await using ada = await RawClient.login(partAddress(await up.ready(), "tcp"), "ada");
  assertEquals((await ada.hasMessages(1))[0]?.text, "kept");
});

test("a second signal ends up at once, with its children and its data", async () => {
  using folder = temporaryFolder();
  const env = { TMPDIR: folder.path };
  await using up = startProgram(["up", ...FREE.slice(0, 6), "--grace", "60s"], { env });
  const tcp = partAddress(await up.ready(), "tcp");
  const children = await childrenOf(up.pid);
  await using ada = await RawClient.login(tcp, "ada");
  assertEquals(dataFoldersIn(folder.path).length, 1);
  up.signal("SIGTERM");
  assertEquals((await ada.next("closing")).reason, "draining");
  up.signal("SIGTERM");
  assertEquals(await up.end(), 143, up.stderr);
  assertEquals(dataFoldersIn(folder.path), []);
  await ada.closed;
  while (children.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));
});

test("servers whose parent is killed in the middle of their work drain and end by themselves", async () => {
  await using up = startProgram(["up", ...FREE]);
  const tcp = partAddress(await up.ready(), "tcp");
  const children = await childrenOf(up.pid);
  await using crowd = await gather(tcp, 8);
  const isBusy = new Signal<void>();
  const exchange = crowd
    .exchange(100_000, (answered) => void (answered === 300 && isBusy.fire()))
    .catch(() => undefined);
  await isBusy.wait("300 answers");
  up.signal("SIGKILL");
  await up.end();
  while (children.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));
  await crowd[Symbol.asyncDispose]();
  await exchange;
});

test("a server that hangs is found by its heartbeat, and new clients go to the others", async () => {
  await using up = startProgram(["up", ...FREE]);
  const tcp = partAddress(await up.ready(), "tcp");
  const [frozen = -1] = await childrenOf(up.pid);
  process.kill(frozen, "SIGSTOP");
  while (!(await backendsOf(up)).some(({ state }) => state === "down"))
    await new Promise((resolve) => setTimeout(resolve, 50));
  for (let index = 0; index < 6; index++) {
    await using client = await RawClient.connect(tcp);
    assertEquals((await client.ask({ type: "ping" })).type, "pong");
  }
  process.kill(frozen, "SIGCONT");
  while ((await backendsOf(up)).some(({ state }) => state !== "up"))
    await new Promise((resolve) => setTimeout(resolve, 50));
});

test("a server that was removed is added again, and one that is not of this up is not", async () => {
  await using up = startProgram(["up", ...FREE, "--servers", "1"]);
  const { admin, tcp } = await up.ready();
  const [server] = await backendsOf(up);
  const backends = `http://${admin}/api/pools/chat/backends`;
  const add = (address: string | undefined) =>
    fetch(backends, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ address }),
    });
  assertEquals((await fetch(`${backends}/${server?.name}`, { method: "DELETE" })).status, 200);
  assertEquals((await backendsOf(up)).length, 0);
  const refused = await add("127.0.0.1:1");
  assertEquals(
    [refused.status, await refused.json()],
    [
      409,
      {
        error:
          'Cannot add backend: pool "chat" hands connections over to the servers of this up, and 127.0.0.1:1 is none of them',
      },
    ],
  );
  assertEquals((await add(server?.name)).status, 201);
  while ((await backendsOf(up))[0]?.state !== "up") await new Promise((resolve) => setTimeout(resolve, 50));
  await using client = await RawClient.connect(partAddress({ tcp: String(tcp) }, "tcp"));
  assertEquals((await client.ask({ type: "ping" })).type, "pong");
});
