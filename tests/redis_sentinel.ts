import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RedisProcess, redisCommand, redisProcess, redisReady } from "./redis_process.ts";
import { type RedisServer, redisServer } from "./redis_server.ts";

/** Options for {@linkcode redisSentinel}. */
export interface RedisSentinelOptions {
  /** @default {1} */
  replicas?: number;
  /** After how long without an answer a sentinel takes the master for down, in milliseconds. @default {1000} */
  downAfterMs?: number;
  /** More arguments for the servers. @default {[]} */
  args?: readonly string[];
}

/** A master with replicas, watched by three sentinels. Disposing kills them all. */
export interface RedisSentinel extends AsyncDisposable {
  /** `redis+sentinel://127.0.0.1:PORT,127.0.0.1:PORT,127.0.0.1:PORT/chorus` */
  readonly url: string;
  readonly sentinels: readonly RedisProcess[];
  /** All servers, the one that was the master at the start first. */
  readonly servers: readonly RedisServer[];
  /** The one that the sentinels call the master now. */
  master(): Promise<RedisServer>;
  /**
   * Lets a replica take over that has everything, and the old master follow it. Resolves when all sentinels call it the master, and it
   * does so itself.
   */
  handOver(): Promise<void>;
  /**
   * Lets the sentinels make a replica the master. Resolves when all of them call it so, and it does so itself. Until its clients have
   * heard of it the old one goes on taking writes, and these are gone.
   */
  failOver(): Promise<void>;
  /** Kills the master. Resolves when all sentinels call another one the master, and it does so itself. */
  killMaster(): Promise<void>;
  /** Resolves when every replica follows the master and has what it has: until then another fail-over would lose what was acknowledged. */
  inStep(): Promise<void>;
  /**
   * From now on replicas, which have all until then, get nothing of what is written to the master: after `killMaster` what was written is gone. They take over only
   * if that happens within ten times `downAfterMs`.
   */
  pauseReplication(): Promise<void>;
}

const NAME = "chorus";
/** How often sentinels say who they are and ask how servers are, in milliseconds. */
const QUICK = ["PUBLISH-PERIOD", "100", "INFO-PERIOD", "200", "ASK-PERIOD", "100"];
/** When they have found each other: a promoted server that is not announced within four such periods is made a replica again. */
const STEADY = ["PUBLISH-PERIOD", "2000"];

/** Starts servers with sentinels, all real processes. Resolves when the replicas are in step and a fail-over can be done. */
export async function redisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { replicas = 1, downAfterMs = 1000, args = [] } = options;
  await using opening = new AsyncDisposableStack();
  const settings = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", ...args];
  const first = opening.use(await redisServer({ args: settings }));
  const replicaSettings = [...settings, "--replicaof", "127.0.0.1", `${first.port}`];
  const others = await Promise.all(
    Array.from({ length: replicas }, async () => opening.use(await redisServer({ args: replicaSettings }))),
  );
  const servers = [first, ...others];
  await redisReady("replicas in step", () => areInStep(first.port, replicas));
  const ids = Array.from({ length: 3 }, () => randomBytes(20).toString("hex"));
  const sentinels: RedisProcess[] = [];
  for (const id of ids) {
    const known = sentinels.map(({ port }, index) => `${port} ${ids[index]}`);
    sentinels.push(opening.use(await startSentinel(id, servers, known, downAfterMs)));
  }
  const ports = sentinels.map(({ port }) => port);
  await Promise.all(ports.map((port) => redisCommand(port, "SENTINEL", "DEBUG", ...QUICK)));
  await redisReady("sentinels that know each other", async () => {
    const states = await Promise.all(ports.map(askMaster));
    return states.every((state) => isComplete(state, replicas, downAfterMs));
  });
  await Promise.all(ports.map((port) => redisCommand(port, "SENTINEL", "DEBUG", ...STEADY)));
  const opened = opening.move();
  const url = `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/${NAME}`;
  return {
    url,
    sentinels,
    servers,
    ...acts(servers, ports),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Acts = Pick<
  RedisSentinel,
  "master" | "failOver" | "handOver" | "killMaster" | "inStep" | "pauseReplication"
>;

function acts(servers: readonly RedisServer[], ports: readonly number[]): Acts {
  async function master(): Promise<RedisServer> {
    const { port } = await askMaster(ports[0] ?? 0);
    const server = servers.find((one) => `${one.port}` === port);
    if (!server) throw new Error(`Cannot find the master: no server on port ${port}`);
    return server;
  }
  async function takenOver(from: RedisServer): Promise<void> {
    const isDone = async (): Promise<boolean> => {
      const states = await Promise.all(ports.map(askMaster));
      const [port] = states.map((state) => state.port);
      const isAgreed = states.every((state) => state.port === port && state.port !== `${from.port}`);
      return isAgreed && (await role(Number(port))) === "master";
    };
    // Sentinels that could not agree on who does it try again after twice their time for a fail-over, which is 8 s.
    await redisReady("another master", isDone, 40_000);
  }
  /** Resolves when the replicas have what the master has now. */
  async function caughtUp(masterPort: number): Promise<void> {
    const offset = await offsetOf(masterPort);
    const others = servers.filter((server) => server.port !== masterPort);
    await redisReady("replicas that have everything", async () => {
      const offsets = await Promise.all(others.map(({ port }) => offsetOf(port)));
      return offsets.every((reached) => reached >= offset);
    });
  }
  async function failOver(): Promise<void> {
    const before = await master();
    await redisReady("a fail-over that is done", async () => {
      const now = await master();
      if (now !== before) return true;
      // Refused while one is under way, and while it has not heard of the replicas for a while; one may be given up.
      await redisCommand(ports[0] ?? 0, "SENTINEL", "FAILOVER", NAME);
      return false;
    });
    await takenOver(before);
  }
  return {
    master,
    async handOver() {
      const before = await master();
      // For longer than it takes: what waits there is refused when it follows.
      await redisCommand(before.port, "CLIENT", "PAUSE", "30000", "WRITE");
      await caughtUp(before.port);
      await failOver();
      const { port } = await master();
      await redisCommand(before.port, "REPLICAOF", "127.0.0.1", `${port}`);
      await redisCommand(before.port, "CLIENT", "UNPAUSE");
    },
    failOver,
    async killMaster() {
      const before = await master();
      before.kill("SIGKILL");
      await takenOver(before);
    },
    inStep: () =>
      redisReady("replicas in step", async () => {
        const { port } = await master();
        return (await role(port)) === "master" && (await areInStep(port, servers.length - 1));
      }),
    async pauseReplication() {
      const { port } = await master();
      await caughtUp(port);
      await redisCommand(port, "ACL", "SETUSER", "default", "-psync", "-sync", "-replconf");
      await redisCommand(port, "CLIENT", "KILL", "TYPE", "replica");
    },
  };
}

/** What a sentinel says of the master, by field. */
async function askMaster(port: number): Promise<Readonly<Record<string, string>>> {
  const reply = await redisCommand(port, "SENTINEL", "MASTER", NAME);
  if (!Array.isArray(reply)) throw new Error("Cannot read the answer of a sentinel");
  const state: Record<string, string> = {};
  for (let index = 0; index < reply.length; index += 2) state[reply[index]] = reply[index + 1];
  return state;
}

function isComplete(state: Readonly<Record<string, string>>, replicas: number, downAfterMs: number): boolean {
  return (
    state["num-slaves"] === `${replicas}` &&
    state["num-other-sentinels"] === "2" &&
    state.flags === "master" &&
    Number(state["last-ok-ping-reply"]) < downAfterMs
  );
}

async function areInStep(port: number, replicas: number): Promise<boolean> {
  const info = String(await redisCommand(port, "INFO", "replication"));
  return info.split("state=online").length - 1 === replicas;
}

/** How much of the history a server has, in bytes. */
async function offsetOf(port: number): Promise<number> {
  const info = String(await redisCommand(port, "INFO", "replication"));
  return Number(/^master_repl_offset:(\d+)/m.exec(info)?.[1]);
}

async function role(port: number): Promise<string> {
  const reply = await redisCommand(port, "ROLE");
  return Array.isArray(reply) ? String(reply[0]) : "";
}

/** @param known Ports and ids of the sentinels that run already; they find this one by themselves. */
async function startSentinel(
  id: string,
  servers: readonly RedisServer[],
  known: readonly string[],
  downAfterMs: number,
): Promise<RedisProcess> {
  const [master, ...replicas] = servers.map(({ port }) => port);
  return await redisProcess({
    readyText: "+monitor master",
    async prepare(port, folder) {
      const file = join(folder, "sentinel.conf");
      const lines = [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir ${folder}`,
        `sentinel myid ${id}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${master} 2`,
        `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
        `sentinel failover-timeout ${NAME} 4000`,
        ...replicas.map((replica) => `sentinel known-replica ${NAME} 127.0.0.1 ${replica}`),
        ...known.map((sentinel) => `sentinel known-sentinel ${NAME} 127.0.0.1 ${sentinel}`),
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return [file, "--sentinel"];
    },
  });
}
