import { connectRedis } from "../../src/redis/mod.ts";
import { redisServer } from "../redis_server.ts";
import { type ChatServers, type ChatServersOptions, chatServers } from "./chat_servers.ts";

/** Two servers on a Redis whose data can go back to what they were, as after a fail-over to a replica that was behind. */
export interface RollbackWorld extends AsyncDisposable {
  readonly cluster: ChatServers;
  /** Remembers the data as they are, under a number from 1 to 9. */
  keep(number?: number): Promise<void>;
  /** Makes the data what they were. */
  rollBack(number?: number): Promise<void>;
  /** The same for conversations only: the inboxes know more than these. */
  rollBackLogs(number?: number): Promise<void>;
  /** Cuts every connection on which hints come. */
  cutBus(): Promise<void>;
}

const KEEP =
  "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1], 'REPLACE') end";
const ROLL_BACK = `redis.call('FLUSHDB') redis.call('SELECT', ARGV[1])
  for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', '0') end`;
const ROLL_BACK_LOGS = `for _, kind in ipairs({ 'log', 'conv', 'dedupe' }) do
    redis.call('SELECT', 0)
    for _, key in ipairs(redis.call('KEYS', 'chorus:' .. kind .. ':*')) do redis.call('DEL', key) end
    redis.call('SELECT', ARGV[1])
    for _, key in ipairs(redis.call('KEYS', 'chorus:' .. kind .. ':*')) do redis.call('COPY', key, key, 'DB', '0') end
  end`;

/** Starts one. */
export async function rollbackWorld(options: ChatServersOptions = {}): Promise<RollbackWorld> {
  const stack = new AsyncDisposableStack();
  const redis = stack.use(await redisServer());
  const { client } = stack.use(await connectRedis(redis.url));
  const cluster = stack.use(await chatServers(2, { ...options, redis: redis.url }));
  const run = async (script: string, number = 9): Promise<void> => {
    await client.sendCommand(["EVAL", script, "0", `${number}`]);
  };
  return {
    cluster,
    keep: (number) => run(KEEP, number),
    rollBack: (number) => run(ROLL_BACK, number),
    rollBackLogs: (number) => run(ROLL_BACK_LOGS, number),
    async cutBus() {
      await client.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
