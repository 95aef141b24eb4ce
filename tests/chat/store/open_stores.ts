import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../../src/async/mod.ts";
import {
  openWriter,
  redisStore,
  remoteWriter,
  type Store,
  type StoreLimits,
  serveWriter,
  sqliteStore,
  type Writer,
  type WriterOptions,
} from "../../../src/chat/store/mod.ts";
import { connectSubscriber } from "../../../src/redis/mod.ts";
import type { Channel, TopicHandler } from "../../../src/server/mod.ts";
import { redisServer } from "../../redis_server.ts";
import { HintCollector } from "./hint_collector.ts";
import type { OpenedStore } from "./store_conformance.ts";
import { NOW } from "./store_steps.ts";

/** Lets a test fail by an error that nobody expected. */
export function unexpected(error: Error): never {
  throw error;
}

/** A folder that is removed when it is disposed. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** An empty folder for the data of one test. */
export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "chorus-store-"));
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

/** SQLite, written by the process that reads. */
export async function openSqlite(users: readonly string[], limits: StoreLimits = {}): Promise<OpenedStore> {
  return await openSqliteWith((writer) => writer, users, limits);
}

/** SQLite, written by another process as far as it can see. */
export async function openSqliteRemotely(
  users: readonly string[],
  limits: StoreLimits = {},
): Promise<OpenedStore> {
  return await openSqliteWith(
    (writer) => {
      const [parent, child] = channelPair();
      serveWriter(parent, writer, unexpected);
      return remoteWriter(child, writer.durable);
    },
    users,
    limits,
  );
}

async function openSqliteWith(
  writerOf: (writer: Writer) => Writer,
  users: readonly string[],
  limits: StoreLimits,
): Promise<OpenedStore> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder());
  const collector = new HintCollector();
  const hint = (user: string, line: Uint8Array): void => collector.add(user, line);
  const ownWriter = opening.use(await openQuietWriter(folder.path, { hint, limits, durable: "memory" }));
  const writer = opening.use(writerOf(ownWriter));
  const store = opening.use(await sqliteStore({ dir: folder.path, writer }));
  await createUsers(store, users);
  const opened = opening.move();
  return {
    store,
    hints: (user, count) => collector.take(user, count),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Redis, in a server of its own. */
export async function openRedis(users: readonly string[], limits: StoreLimits = {}): Promise<OpenedStore> {
  await using opening = new AsyncDisposableStack();
  const redis = opening.use(await redisServer());
  const collector = new HintCollector();
  const prefix = "test:";
  const store = opening.use(await redisStore({ url: redis.url, prefix, limits, onError: unexpected }));
  const subscriber = opening.use(
    await connectSubscriber(redis.url, {
      onMessage: (channel, payload) => collector.add(channel.slice(`${prefix}user:`.length), payload),
    }),
  );
  await createUsers(store, users);
  await Promise.all(users.map((user) => subscriber.join(`${prefix}user:${user}`)));
  const opened = opening.move();
  return {
    store,
    hints: (user, count) => collector.take(user, count),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Creates accounts with a password that nobody checks. */
export async function createUsers(store: Store, users: readonly string[]): Promise<void> {
  await Promise.all(users.map((name) => store.createUser({ name, password: "hash" })));
}

/** A channel that stays within this process, for both of its ends. Bodies are copied as between processes. */
export function channelPair(): readonly [Channel & { break(): void }, Channel & { break(): void }] {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const handlers = [new Map<string, TopicHandler>(), new Map<string, TopicHandler>()] as const;
  let isOpen = true;
  const end = (own: Map<string, TopicHandler>, other: Map<string, TopicHandler>) => ({
    closed,
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
