import { type Child, startChild } from "../../../src/server/mod.ts";

/** A child process that is killed when it is disposed. */
export interface StoreChild extends Child, AsyncDisposable {
  /** The next message on a topic. */
  next(topic: string): Promise<unknown>;
  /** Kills it as a crash would. Resolves when it is gone. */
  crash(): Promise<void>;
}

/** What `store_child.ts` does; `open_as_nobody` gives up the rights of root first. */
export type StoreChildMode = "hold" | "open_as_nobody" | "flood" | "remote";

/** Starts `store_child.ts` in one of its modes. */
export async function startStoreChild(mode: StoreChildMode, dir: string): Promise<StoreChild> {
  const child = await startChild(new URL("./store_child.ts", import.meta.url).href, [mode, dir]);
  async function crash(): Promise<void> {
    child.kill("SIGKILL");
    await child.exited;
  }
  return {
    ...child,
    next: (topic) => new Promise((resolve) => child.channel.on(topic, resolve)),
    crash,
    [Symbol.asyncDispose]: crash,
  };
}
