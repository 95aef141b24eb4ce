import { type RedisProcess, redisProcess } from "./redis_process.ts";

/** Options for {@linkcode redisServer}. */
export interface RedisServerOptions {
  /** More arguments for the program, such as `["--requirepass", "secret"]`. @default {[]} */
  args?: readonly string[];
  /** @default {"redis-server"} */
  program?: string;
}

/** A private Redis that keeps nothing unless `args` say so. Disposing kills it and removes its folder. */
export type RedisServer = RedisProcess;

/** Starts a real `redis-server` on a free port of the loopback, in a temporary folder of its own. */
export function redisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { args = [], program } = options;
  return redisProcess({
    ...(program !== undefined && { program }),
    prepare(port, folder) {
      return ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...args];
    },
    readyText: "Ready to accept connections",
  });
}
