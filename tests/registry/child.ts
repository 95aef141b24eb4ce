/** A child process that announces the servers named by its arguments, in its parent's registry or, after a URL, in Redis. */
import process from "node:process";
import { channelRegistry, type Registry, redisRegistry } from "../../src/registry/mod.ts";
import { parentChannel } from "../../src/server/mod.ts";
import { server } from "./log.ts";

const [first = "", ...rest] = process.argv.slice(2);

async function open(): Promise<Registry> {
  if (first.startsWith("redis:")) {
    return await redisRegistry({ url: first, timing: { leaseMs: 300, renewMs: 100 } });
  }
  const channel = parentChannel();
  if (!channel) throw new Error("Cannot run child: it has no parent");
  return channelRegistry(channel);
}

const registry = await open();
for (const id of first.startsWith("redis:") ? rest : [first, ...rest]) await registry.announce(server(id));
