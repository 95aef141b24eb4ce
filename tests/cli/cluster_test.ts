import { assert, assertEquals } from "@std/assert";
import { DEADLINE_MS, RawClient } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { RUNTIME, test } from "../testing.ts";
import { getJson, partAddress, type RuntimeName, startProgram } from "./program.ts";

/** The runtimes in an order that begins with the one that runs the test, so that the three runs try three mixtures. */
const ORDER = rotate(["bun", "node", "deno"], RUNTIME);

function rotate(names: RuntimeName[], first: RuntimeName): readonly [RuntimeName, RuntimeName, RuntimeName] {
  const [a = first, b = first, c = first] = [...names, ...names].slice(names.indexOf(first));
  return [a, b, c];
}

async function upBackends(admin: string | undefined): Promise<number> {
  const { pools } = (await getJson(admin, "/api/pools")) as { pools: { backends: { state: string }[] }[] };
  return pools.flatMap(({ backends }) => backends).filter(({ state }) => state === "up").length;
}

test("a balancer and chat servers on three runtimes, joined only by a Redis, form one cluster that grows while it runs", async () => {
  await using redis = await redisServer();
  const shared = ["--redis", redis.url, "--grace", "200ms"];
  const [first, second, third] = ORDER;
  const chat = (runtime: RuntimeName) =>
    startProgram(["chat", "--listen", "127.0.0.1:0", "--id", runtime, ...shared], { runtime });
  await using balancer = startProgram(
    ["balance", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", ...shared],
    { runtime: first },
  );
  await using one = chat(second);
  await using two = chat(third);
  const { admin } = await balancer.ready();
  const tcp = partAddress(await balancer.ready(), "tcp");
  await Promise.all([one.ready(), two.ready()]);
  while ((await upBackends(admin)) < 2) await new Promise((resolve) => setTimeout(resolve, 20));

  await using ada = await RawClient.login(tcp, "ada");
  await using bob = await RawClient.login(tcp, "bob");
  assertEquals(serversOf([ada, bob]).sort(), [second, third].sort());
  await ada.ask({ type: "send", to: "bob", text: "across runtimes" });
  assertEquals((await bob.hasMessages(1))[0]?.text, "across runtimes");

  await using late = chat(first);
  await late.ready();
  const started = performance.now();
  const seen = new Set<unknown>();
  while (!seen.has(first)) {
    await using client = await RawClient.login(tcp, `late${seen.size}`, {
      device: String(performance.now()),
    });
    for (const server of serversOf([client])) seen.add(server);
    assert(performance.now() - started < DEADLINE_MS, `the third server has no client; so far ${[...seen]}`);
  }
  for (const program of [late, two, one, balancer]) program.signal("SIGTERM");
  for (const program of [late, two, one, balancer]) assertEquals(await program.end(), 0);
});

function serversOf(clients: readonly RawClient[]): unknown[] {
  return clients.map((client) => client.frames.find((frame) => frame.server)?.server);
}

test("up --redis keeps its messages in the Redis, where another up finds them", async () => {
  await using redis = await redisServer();
  const flags = [
    "up",
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "none",
    "--servers",
    "2",
    "--redis",
    redis.url,
    "--grace",
    "200ms",
  ];
  {
    await using up = startProgram(flags);
    await using ada = await RawClient.login(partAddress(await up.ready(), "tcp"), "ada");
    assertEquals((await ada.ask({ type: "send", to: "ada", text: "kept" })).durable, "memory");
    up.signal("SIGTERM");
    assertEquals(await up.end(), 0);
  }
  await using up = startProgram(flags);
  await using ada = await RawClient.login(partAddress(await up.ready(), "tcp"), "ada");
  assertEquals((await ada.hasMessages(1))[0]?.text, "kept");
});
