/**
 * A process that appends messages from ann and never delivers them, started by the tests: the address of Redis, then to whom.
 *
 * @module
 */
import process from "node:process";
import { redisStore } from "../../../../src/chat/store/redis/store.ts";
import { type Channel, type Child, parentChannel, startChild } from "../../../../src/server/mod.ts";
import { sendTexts } from "../store_steps.ts";

/** A child process that is killed when it is disposed. */
export interface OwingChild extends Child, AsyncDisposable {
  /** Resolves when three messages were stored. */
  readonly sent: Promise<unknown>;
  /** Kills it as a crash would. Resolves when it is gone. */
  crash(): Promise<void>;
}

/** Starts this module. */
export async function startStoreChild(url: string, to: string): Promise<OwingChild> {
  const child = await startChild(import.meta.url, [url, to]);
  const sent = new Promise((resolve) => child.channel.on("sent", resolve));
  async function crash(): Promise<void> {
    child.kill("SIGKILL");
    await child.exited;
  }
  return { ...child, sent, crash, [Symbol.asyncDispose]: crash };
}

async function owe(channel: Channel, url: string, to: string): Promise<void> {
  const hold = (): Promise<void> => new Promise(() => undefined);
  const onError = (error: Error): never => {
    throw error;
  };
  const store = await redisStore({ url, onError }, { isSplit: true, hold });
  // Ids are counted in each process: another device makes them others.
  await sendTexts(store, ["1", "2", "3"], { to, device: "tablet" });
  channel.send("sent", true);
  await channel.closed;
}

const [url = "", to = ""] = process.argv.slice(2);
const channel = url.startsWith("redis:") ? parentChannel() : undefined;
if (channel) {
  void channel.closed.then(() => process.exit(0));
  await owe(channel, url, to);
}
