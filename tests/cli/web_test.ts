import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Address } from "../../src/net/mod.ts";
import { type Announcement, redisRegistry } from "../../src/registry/mod.ts";
import { HandSocket } from "../chat/web/hand_socket.ts";
import { RawClient, Signal, temporaryFolder } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { type Program, partAddress, startProgram } from "./program.ts";

const FREE = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

interface Started extends AsyncDisposable {
  readonly program: Program;
  readonly ready: Readonly<Record<string, string>>;
  readonly tcp: Address;
  readonly web: Address;
}

async function start(...args: readonly string[]): Promise<Started> {
  const folder = temporaryFolder();
  const program = startProgram([...args, ...FREE, "--data", folder.path, "--grace", "300ms"]);
  const end = async (): Promise<void> => {
    await program[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  };
  try {
    const ready = await program.ready();
    const at = { tcp: partAddress(ready, "tcp"), web: partAddress(ready, "web") };
    return { program, ready, ...at, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Logs in by WebSocket. @returns The client, and the server that it is on. */
async function enter(at: Address, name: string): Promise<{ client: RawClient; server: string }> {
  const client = await RawClient.open(at);
  await client.ask({ type: "register", name, password: "secret" });
  const { server } = await client.ask({ type: "login", name, password: "secret" });
  return { client, server: String(server) };
}

test("up balances WebSockets over its servers, whose clients chat with each other and with those by TCP", async () => {
  await using cluster = await start("up");
  assertEquals(Object.keys(cluster.ready), ["tcp", "web", "admin"]);
  const ada = await enter(cluster.web, "ada");
  const bob = await enter(cluster.web, "bob");
  await using carl = await RawClient.login(cluster.tcp, "carl");
  await using _ada = ada.client;
  await using _bob = bob.client;
  assert(ada.server !== bob.server, `both are on ${ada.server}`);
  for (const to of ["bob", "carl"])
    assertEquals((await ada.client.ask({ type: "send", to, text: `to ${to}` })).type, "ok");
  assertEquals((await bob.client.hasMessages(1))[0]?.text, "to bob");
  assertEquals((await carl.hasMessages(1))[0]?.text, "to carl");
});

test("up: who is sent away by a server that drains comes back to another one, by --web too", async () => {
  await using cluster = await start("up", "--servers", "2");
  const ada = await enter(cluster.web, "ada");
  await using _ada = ada.client;
  const admin = cluster.ready.admin ?? "";
  const { pools } = (await (await fetch(`http://${admin}/api/pools`)).json()) as {
    readonly pools: readonly {
      readonly name: string;
      readonly backends: readonly { readonly name: string }[];
    }[];
  };
  assertEquals(
    pools.map(({ name, backends }) => [name, backends.length]),
    [
      ["chat", 2],
      ["web", 2],
    ],
  );
  for (const { name } of pools[0]?.backends ?? []) {
    await using drain = startProgram(["drain", name, "--deadline", "1s", "--admin", admin]);
    assertEquals(await drain.end(), 0, drain.stderr);
    const seen = ada.client.frames.some(({ type }) => type === "closing");
    for (let count = 0; count < 3; count++) {
      const late = await enter(cluster.web, `late-${name.slice(-5)}-${count}`);
      await using _late = late.client;
      assert((late.server === ada.server) !== seen, `${late.server} is drained`);
    }
    if (seen) break;
    await using undrain = startProgram(["undrain", name, "--admin", admin]);
    assertEquals(await undrain.end(), 0, undrain.stderr);
  }
  await ada.client.closed;
});

test("chat --workers --web: every worker serves the one address, and a page of another site is refused", async () => {
  const more = ["--workers", "2", "--web-origin", "https://chat.example.org"];
  await using server = await start("chat", "--id", "w", ...more);
  assertEquals(Object.keys(server.ready), ["tcp", "web", "admin", "id"]);
  const servers = new Set<string>();
  for (let count = 0; servers.size < 2 && count < 200; count++) {
    const { client, server: id } = await enter(server.web, `u${count}`);
    servers.add(id);
    await client[Symbol.asyncDispose]();
  }
  assertEquals([...servers].sort(), ["w.1", "w.2"]);
  const opened = await HandSocket.upgrade(server.web, { headers: { origin: "http://chat.test" } });
  await using _ = opened.socket;
  assertEquals(opened.status, 403);
});

test("chat with --redis and --web announces both of its addresses, the second at the host of --advertise", async () => {
  await using redis = await redisServer();
  const found = new Signal<Announcement>();
  const ignore = (): void => undefined;
  await using registry = await redisRegistry({ url: redis.url, onError: ignore });
  await using _watch = await registry.watch({ joined: found.fire, changed: ignore, left: ignore });
  const where = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--advertise", "127.0.0.9:7411"];
  await using program = startProgram(["chat", ...where, "--redis", redis.url, "--grace", "100ms"]);
  const { web = "" } = await program.ready();
  const { tcp, web: announced } = await found.wait("the announcement");
  assertEquals([tcp, announced], ["127.0.0.9:7411", web.replace("127.0.0.1", "127.0.0.9")]);
});

test("a mistake in the flags of the web side is one sentence and exit code 2; a port in use exits 1", async () => {
  for (const [args, words] of [
    [["chat", "--web-origin", "https://chat.example.org"], "--web-origin: give --web HOST:PORT with it"],
    [["chat", "--web", "nonsense"], "--web"],
    [["up", "--web-origin", "https://chat.example.org/page"], "is not a site"],
  ] as const) {
    await using program = startProgram(args);
    assertEquals([await program.end(), program.stdout], [2, ""]);
    assertStringIncludes(program.stderr, words);
  }
  await using server = await start("chat");
  using folder = temporaryFolder();
  const { web = "" } = server.ready;
  const where = ["--listen", "127.0.0.1:0", "--web", web, "--data", folder.path];
  await using second = startProgram(["chat", ...where]);
  assertEquals(await second.end(), 1);
  assertStringIncludes(second.stderr, web);
});
