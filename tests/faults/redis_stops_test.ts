import { assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { getJson, type Program, partAddress, startProgram } from "../cli/program.ts";
import { type Frame, RawClient } from "../helpers.ts";
import { type RedisServer, redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { type ServerCluster, serverCluster } from "./clusters.ts";

interface Setting extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly cluster: ServerCluster;
  readonly balancer: Program;
  /** Both logged in through the balancer, on different servers. */
  readonly ada: RawClient;
  readonly bob: RawClient;
}

/** A balancer that finds two servers by a Redis that keeps what it has. */
async function setting(): Promise<Setting> {
  const stack = new AsyncDisposableStack();
  try {
    const redis = stack.use(await redisServer({ args: ["--appendonly", "yes"] }));
    const cluster = stack.use(await serverCluster({ redis: () => redis.url }));
    const listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const balancer = stack.use(
      startProgram(["balance", ...listen, "--redis", redis.url, "--grace", "200ms"]),
    );
    const parts = await balancer.ready();
    while ((await states(balancer)).join() !== "up,up") await wait(20);
    const [ada, bob] = [
      stack.use(await RawClient.login(partAddress(parts, "tcp"), "ada")),
      stack.use(await RawClient.login(partAddress(parts, "tcp"), "bob")),
    ];
    return { redis, cluster, balancer, ada, bob, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function states(balancer: Program): Promise<string[]> {
  const { admin } = await balancer.ready();
  const { pools } = (await getJson(admin, "/api/pools")) as { pools: { backends: { state: string }[] }[] };
  return pools.flatMap(({ backends }) => backends.map(({ state }) => state));
}

/** Sends until it is not `unavailable` any more. */
async function sendUntilKnown(client: RawClient, id: string, text: string): Promise<Frame> {
  for (;;) {
    const answer = await client.ask({ type: "send", id, to: "bob", text });
    if (answer.code !== "unavailable") return answer;
    await wait(Number(answer.retry ?? 20));
  }
}

test("a Redis that stops leaves connections and pool as they are, makes sends unavailable, and all works again when it is back", async () => {
  await using all = await setting();
  const { redis, balancer, ada, bob } = all;
  assertEquals((await ada.ask({ type: "send", id: "1", to: "bob", text: "before" })).type, "ok");
  await redis.stop();
  const during = [2, 3, 4].map((id) => ada.ask({ type: "send", id: `${id}`, to: "bob", text: `${id}` }));
  assertEquals(
    (await Promise.all(during)).map(({ code }) => code),
    ["unavailable", "unavailable", "unavailable"],
  );
  assertEquals((await ada.ask({ type: "ping" })).type, "pong");
  assertEquals((await bob.ask({ type: "ping" })).type, "pong");
  assertEquals(await states(balancer), ["up", "up"]);

  await redis.restart();
  for (const id of ["2", "3", "4"]) assertEquals((await sendUntilKnown(ada, id, id)).type, "ok");
  assertEquals(
    (await bob.hasMessages(4)).map(({ text }) => text),
    ["before", "2", "3", "4"],
  );
  assertEquals(await states(balancer), ["up", "up"]);
  await using late = await RawClient.loginAgain(partAddress(await balancer.ready(), "tcp"), "late");
  assertEquals((await late.ask({ type: "send", to: "bob", text: "new" })).type, "ok");
  await bob.hasMessages(5);
});

test("a Redis that hangs answers no send falsely, and what was sent meanwhile arrives once it goes on", async () => {
  await using all = await setting();
  const { redis, balancer, ada, bob } = all;
  redis.kill("SIGSTOP");
  const hanging = await ada.ask({ type: "send", id: "1", to: "bob", text: "while it hangs" });
  assertEquals([hanging.type, hanging.code], ["error", "unavailable"]);
  assertEquals(await states(balancer), ["up", "up"]);
  redis.kill("SIGCONT");
  assertEquals((await sendUntilKnown(ada, "1", "while it hangs")).seq, 1);
  assertEquals((await sendUntilKnown(ada, "2", "afterwards")).seq, 2);
  assertEquals(
    (await bob.hasMessages(2)).map(({ text }) => text),
    ["while it hangs", "afterwards"],
  );
});
