import { assertEquals, assertMatch } from "@std/assert";
import { DEADLINE_MS, eventually } from "../helpers.ts";
import { type RedisServer, redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { type Program, startProgram } from "./program.ts";

const FREE = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--grace", "200ms"];
const SLOW = { timeoutMs: 3 * DEADLINE_MS };

/** What an operator sees of the store: the status of `/health`, what it says, and the gauge of each server. */
async function look(admin: string | undefined): Promise<readonly unknown[]> {
  const health = await fetch(`http://${admin}/health`);
  const { healthy, store } = (await health.json()) as { healthy: boolean; store?: string };
  const metrics = await (await fetch(`http://${admin}/metrics`)).text();
  const gauges = metrics.matchAll(/^chorus_chat_store_up(?:\{.*\})? (\d)$/gm);
  return [health.status, healthy, store, Array.from(gauges, ([, value]) => Number(value))];
}

/** Waits until it is seen. */
async function sees(program: Program, what: string, wanted: readonly unknown[]): Promise<void> {
  const { admin } = await program.ready();
  let last: readonly unknown[] = [];
  try {
    await eventually(what, async () => {
      last = await look(admin);
      return JSON.stringify(last) === JSON.stringify(wanted);
    });
  } catch (cause) {
    throw new Error(`${what}: last seen was ${JSON.stringify(last)}\n${program.stderr}`, { cause });
  }
}

/** Takes the Redis of a program away and gives it back. */
interface Outage {
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

function stopped(redis: RedisServer): Outage {
  return { begin: () => redis.stop(), end: () => redis.restart() };
}

function frozen(redis: RedisServer): Outage {
  return { begin: () => redis.kill("SIGSTOP"), end: () => redis.kill("SIGCONT") };
}

/**
 * Sees the store there, away and there again, while the program stays healthy.
 *
 * @param servers How many tell of it.
 * @param meanwhile Done while it is away.
 */
async function seesOutage(
  program: Program,
  outage: Outage,
  servers: number,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const ups = Array.from({ length: servers }, () => 1);
  const well = [200, true, undefined, ups];
  await sees(program, "a store that is there", well);
  await outage.begin();
  await sees(program, "a store that is away", [200, true, "unreachable", ups.map(() => 0)]);
  await meanwhile();
  await outage.end();
  await sees(program, "a store that is back", well);
}

test("a chat says for as long as its Redis is stopped that its store cannot be reached, and stays healthy", async () => {
  await using redis = await redisServer();
  await using chat = startProgram(["chat", ...FREE, "--redis", redis.url]);
  await seesOutage(chat, stopped(redis), 1);
});

/** An announcement while the Redis is away: the exit code, and what was said. */
async function announces(redis: RedisServer, outage: (redis: RedisServer) => Outage): Promise<unknown> {
  await using chat = startProgram(["chat", ...FREE, "--redis", redis.url]);
  const { admin = "" } = await chat.ready();
  await outage(redis).begin();
  await using announcing = startProgram(["announce", "we close", "--admin", admin]);
  const code = await announcing.end();
  await outage(redis).end();
  return [code, announcing.stdout, announcing.stderr.includes("the bus does not answer")];
}

test("announce says that nobody may be told while the Redis is away or hangs, and exits with 1", async () => {
  await using redis = await redisServer();
  assertEquals(await announces(redis, stopped), [1, "", true]);
  assertEquals(await announces(redis, frozen), [1, "", true]);
});

test(
  "a chat says of a Redis that hangs, too, that its store cannot be reached, and status tells it",
  SLOW,
  async () => {
    await using redis = await redisServer();
    await using chat = startProgram(["chat", ...FREE, "--redis", redis.url]);
    const { admin = "" } = await chat.ready();
    await using status = startProgram(["status", "--watch", "--admin", admin]);
    await status.says("healthy\n");
    await seesOutage(chat, frozen(redis), 1, () => status.says("healthy store=unreachable\n"));
    await status.until("the store back", () => status.stdout.split("\n").length === 4 || undefined);
    assertMatch(status.stdout, /^chat \S+ healthy\nchat \S+ healthy store=unreachable\nchat \S+ healthy\n$/);
  },
);

test("a chat with workers says that their store cannot be reached, and stays healthy", SLOW, async () => {
  await using redis = await redisServer();
  await using chat = startProgram(["chat", ...FREE, "--workers", "2", "--redis", redis.url]);
  await seesOutage(chat, stopped(redis), 2);
});

test("an up says that the store of its servers cannot be reached, and stays healthy", SLOW, async () => {
  await using redis = await redisServer();
  await using up = startProgram(["up", ...FREE, "--servers", "2", "--redis", redis.url]);
  await seesOutage(up, stopped(redis), 2);
});

test("the web side, which anybody may ask, says nothing of the store", async () => {
  await using redis = await redisServer();
  await using chat = startProgram(["chat", ...FREE, "--web", "127.0.0.1:0", "--redis", redis.url]);
  const { web } = await chat.ready();
  await seesOutage(chat, stopped(redis), 1, async () => {
    const response = await fetch(`http://${web}/health`);
    const body = (await response.json()) as object;
    assertEquals([response.status, Object.keys(body)], [200, ["server", "healthy", "draining"]]);
  });
});
