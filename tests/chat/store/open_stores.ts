import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../../src/async/mod.ts";
import { openWriter, type Store, type Writer, type WriterOptions } from "../../../src/chat/store/mod.ts";
import type { Channel, TopicHandler } from "../../../src/server/mod.ts";
import { RUNTIME } from "../../testing.ts";
import type { HintCollector } from "./hint_collector.ts";
import type { OpenedStore } from "./store_conformance.ts";
import { frameOf, NOW, readAll } from "./store_steps.ts";

/** Lets a test fail by an error that nobody expected. */
export function unexpected(error: Error): never {
  throw error;
}

/** A folder that is removed when it is disposed. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/**
 * Where a file system in memory usually is: a hundred data folders would wait for the disk for longer than all else takes. Deno lets
 * nobody under `/dev` who may not do everything.
 */
const IN_MEMORY = "/dev/shm";
const ROOT = RUNTIME !== "deno" && existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir();

/** An empty folder for the data of one test. */
export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(ROOT, "chorus-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A writer whose hints nobody hears and whose clock stands at the time of the tests' messages. */
export function openQuietWriter(dir: string, options: Partial<WriterOptions> = {}): Promise<Writer> {
  return openWriter({
    dir,
    hint: () => undefined,
    onError: unexpected,
    clock: new ManualClock(NOW),
    ...options,
  });
}

/** Creates accounts with a password that nobody checks. */
export async function createUsers(store: Store, users: readonly string[]): Promise<void> {
  await Promise.all(users.map((name) => store.createUser({ name, password: "hash" })));
}

/** What a test needs beside a store. @param store The one that is open now. */
export function waiting(
  store: () => Store,
  collector: HintCollector,
): Pick<OpenedStore, "hints" | "entries" | "frames"> {
  async function entries(user: string, count: number): ReturnType<OpenedStore["entries"]> {
    for (;;) {
      const next = collector.next();
      const found = await readAll(store(), user);
      if (found.length >= count) return found;
      await next;
    }
  }
  return {
    hints: (user, count) => collector.take(user, count),
    entries,
    frames: async (user, count) => (await entries(user, count)).map(({ line }) => frameOf(line)),
  };
}

/** A channel that stays within this process, for both of its ends. Bodies are copied as between processes. */
export function channelPair(): readonly [Channel & { break(): void }, Channel & { break(): void }] {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const handlers = [new Map<string, TopicHandler>(), new Map<string, TopicHandler>()] as const;
  let isOpen = true;
  const end = (own: Map<string, TopicHandler>, other: Map<string, TopicHandler>) => ({
    closed,
    received: 0,
    on: (topic: string, handler: TopicHandler) => void own.set(topic, handler),
    send(topic: string, body: unknown) {
      if (!isOpen) return false;
      const copy: unknown = structuredClone(body);
      setImmediate(() => isOpen && other.get(topic)?.(copy, undefined));
      return true;
    },
    break() {
      isOpen = false;
      resolve();
    },
  });
  return [end(handlers[0], handlers[1]), end(handlers[1], handlers[0])];
}
