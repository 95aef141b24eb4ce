import { wait } from "../../src/async/mod.ts";
import type { Address } from "../../src/net/mod.ts";
import { redisCluster } from "../redis_cluster.ts";
import { type RedisProcess, redisCommand, redisReady } from "../redis_process.ts";
import { redisSentinel } from "../redis_sentinel.ts";
import { redisServer } from "../redis_server.ts";
import type { SoakFault, SoakStore } from "./contract.ts";
import type { Random } from "./random.ts";

/** Where the servers keep their data. */
export interface Backend extends AsyncDisposable {
  readonly url: string;
  /** Its one address, where proxies can stand before it. */
  readonly target: Address | undefined;
  /** What the servers are to be told besides the URL. */
  readonly flags: readonly string[];
  readonly faults: readonly SoakFault[];
}

/** What is written to it survives the end of the process. */
const KEPT = ["--appendonly", "yes", "--appendfsync", "everysec"];
/** What was acknowledged is to survive the end of a machine, too. */
const REPLICATED = ["--durable", "replica"];

/** Starts real servers. */
export async function startBackend(store: SoakStore): Promise<Backend> {
  switch (store) {
    case "sqlite":
      throw new RangeError("Cannot start a backend: sqlite has none");
    case "redis":
      return await oneRedis();
    case "sentinel":
      return await sentinel();
    case "cluster":
      return await cluster();
  }
}

async function oneRedis(): Promise<Backend> {
  const redis = await redisServer({ args: KEPT });
  const target = "Redis";
  return {
    url: redis.url,
    target: { host: "127.0.0.1", port: redis.port },
    flags: [],
    faults: [
      { name: "Redis killed", weight: 4, target, run: (random) => restarted(redis, "SIGKILL", random) },
      { name: "Redis stopped", weight: 1, target, run: (random) => restarted(redis, "SIGTERM", random) },
      { name: "Redis frozen", weight: 3, target, run: (random) => frozen(redis, random) },
      { name: "bus cut", weight: 3, target, run: () => cutBus([redis]) },
    ],
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

async function sentinel(): Promise<Backend> {
  const redis = await redisSentinel({ args: KEPT });
  const target = "Redis";
  return {
    url: redis.url,
    target: undefined,
    flags: REPLICATED,
    faults: [
      {
        name: "fail-over",
        weight: 8,
        target,
        async run() {
          await redis.failOver();
          await redis.inStep();
        },
      },
      {
        name: "master killed",
        weight: 8,
        target,
        async run(random) {
          const master = await redis.master();
          await redis.killMaster();
          await wait(random.between(0, 3000));
          await master.restart();
          await redis.inStep();
        },
      },
      {
        name: "master frozen",
        weight: 1,
        target,
        async run(random) {
          await frozen(await redis.master(), random);
          await redis.inStep();
        },
      },
      { name: "bus cut", weight: 2, target, run: () => cutBus(redis.servers) },
    ],
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

async function cluster(): Promise<Backend> {
  const redis = await redisCluster({ replicas: 1, nodeTimeoutMs: 2000, args: KEPT });
  const target = "Redis";
  const masters = async (): Promise<RedisProcess[]> => {
    const roles = await Promise.all(redis.nodes.map(({ port }) => redisCommand(port, "ROLE")));
    return redis.nodes.filter((_, index) => String(roles[index]).startsWith("master"));
  };
  return {
    url: redis.url,
    target: undefined,
    flags: REPLICATED,
    faults: [
      {
        name: "master killed",
        weight: 8,
        target,
        async run(random) {
          const master = random.pick(await masters());
          master.kill("SIGKILL");
          await wait(random.between(3000, 6000));
          await master.restart();
          await inStep(redis.nodes);
        },
      },
      {
        name: "master frozen",
        weight: 2,
        target,
        async run(random) {
          await frozen(random.pick(await masters()), random);
          await inStep(redis.nodes);
        },
      },
      { name: "bus cut", weight: 2, target, run: () => cutBus(redis.nodes) },
    ],
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

/** Resolves when each master has a replica that has what it has: until then, to lose another one would lose what was acknowledged. */
async function inStep(nodes: readonly RedisProcess[]): Promise<void> {
  await redisReady("a replica in step for each master", async () => {
    const replications = await Promise.all(
      nodes.map(async ({ port }) => String(await redisCommand(port, "INFO", "replication"))),
    );
    const masters = replications.filter((text) => text.includes("role:master"));
    return masters.length === nodes.length / 2 && masters.every((text) => text.includes("state=online"));
  });
}

async function restarted(redis: RedisProcess, signal: "SIGKILL" | "SIGTERM", random: Random): Promise<void> {
  if (signal === "SIGTERM") await redis.stop();
  else redis.kill("SIGKILL");
  await wait(random.between(0, 4000));
  await redis.restart();
}

async function frozen(redis: RedisProcess, random: Random): Promise<void> {
  redis.kill("SIGSTOP");
  await wait(random.between(200, 5000));
  redis.kill("SIGCONT");
}

async function cutBus(servers: readonly RedisProcess[]): Promise<void> {
  for (const { port } of servers) await redisCommand(port, "CLIENT", "KILL", "TYPE", "pubsub");
}
