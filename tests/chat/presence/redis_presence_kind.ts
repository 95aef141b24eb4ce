import { redisPresence } from "../../../src/chat/presence/mod.ts";
import { connectKeyspace } from "../../../src/redis/mod.ts";
import { GoneLog } from "./gone_log.ts";
import type { PresenceCluster, PresentServer } from "./presence_conformance.ts";
import { TIMING } from "./timing.ts";
import { unexpected } from "./unexpected.ts";

/** Servers to which presence connects by one address. */
export interface RedisServers extends AsyncDisposable {
  readonly url: string;
}

/** Presence in Redis: all clusters on the same servers, which are started when they are first needed, each with a prefix of its own. */
export function redisPresenceKind(start: () => Promise<RedisServers>): {
  open(): Promise<PresenceCluster>;
  close(): Promise<void>;
} {
  let servers: Promise<RedisServers> | undefined;
  let count = 0;
  return {
    async open() {
      servers ??= start();
      const { url } = await servers;
      count += 1;
      const prefix = `test${count}:`;
      return {
        start: (server) => startServer(url, prefix, server),
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
    async close() {
      await (await servers)?.[Symbol.asyncDispose]();
    },
  };
}

/** A server that dies by losing its connection for good. */
async function startServer(url: string, prefix: string, server: string): Promise<PresentServer> {
  const gone = new GoneLog();
  const keyspace = await connectKeyspace(url);
  let isDead = false;
  const presence = await redisPresence({
    server,
    keyspace,
    prefix,
    timing: TIMING,
    onGone: gone.onGone,
    onError: (error) => isDead || unexpected(error),
  });
  return {
    presence,
    gone,
    async crash() {
      isDead = true;
      await keyspace.close();
    },
    async [Symbol.asyncDispose]() {
      await presence[Symbol.asyncDispose]();
      await keyspace.close();
    },
  };
}
