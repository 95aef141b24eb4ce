import { assertEquals, assertRejects } from "@std/assert";
import { redisStore, type Store, StoreError } from "../../../../src/chat/store/mod.ts";
import { redisStore as openRedisStore } from "../../../../src/chat/store/redis/store.ts";
import { partitionOf } from "../../../../src/redis/mod.ts";
import { type RedisServer, redisServer } from "../../../redis_server.ts";
import { test } from "../../../testing.ts";
import { unexpected } from "../open_stores.ts";
import { changeGroup, NOW, outgoing, readAll, sendNew } from "../store_steps.ts";
import {
  assertUnavailable,
  edit,
  KEEPING,
  KEYS,
  openStore,
  replicaIsOnline,
  sendUntilStored,
  until,
  untilAvailable,
} from "./redis_steps.ts";

/** Opens a store that must be refused. */
async function assertUnsuitable(
  args: readonly string[],
  durable: "memory" | "disk" | "replica",
  reason: string,
): Promise<void> {
  await using redis = await redisServer({ args });
  const open = (): Promise<Store> => redisStore({ url: redis.url, durable, onError: unexpected });
  assertEquals((await assertRejects(open, StoreError, reason)).code, "unsuitable");
}

test("redisStore() refuses a Redis that may drop keys", () =>
  assertUnsuitable(["--maxmemory-policy", "allkeys-lru"], "memory", "noeviction"));

test("redisStore() refuses durable disk without an append-only file", () =>
  assertUnsuitable([], "disk", "appendonly"));

test("redisStore() refuses durable replica without a replica", () =>
  assertUnsuitable([], "replica", "no replica"));

test("redisStore() is as durable as the disk when every write is synced", async () => {
  await using redis = await redisServer({ args: KEEPING });
  await using store = await openStore(redis, { durable: "disk" });
  assertEquals(store.durable, "disk");
  assertEquals(await sendNew(store), 1);
});

test("redisStore() waits for the disk by itself where Redis can, and else refuses", async () => {
  await using redis = await redisServer({ args: ["--appendonly", "yes", "--appendfsync", "everysec"] });
  const [hasWaitAof] = await edit(
    redis,
    (client) => client.sendCommand(["COMMAND", "INFO", "WAITAOF"]) as Promise<unknown[]>,
  );
  if (hasWaitAof) {
    await using store = await openStore(redis, { durable: "disk" });
    assertEquals(await sendNew(store), 1);
  } else {
    const open = (): Promise<Store> => openStore(redis, { durable: "disk" });
    assertEquals((await assertRejects(open, StoreError, "appendfsync")).code, "unsuitable");
  }
});

/** A setting while it is one that a store can rely on, another value of it, and what is said of that. */
const SETTINGS = [
  ["memory", "maxmemory-policy", "noeviction", "allkeys-lru", '"allkeys-lru" lets it drop messages'],
  ["disk", "appendonly", "yes", "no", "it writes no append-only file"],
  ["disk", "appendfsync", "always", "everysec", "appendfsync"],
] as const;

for (const [durable, setting, good, bad, reason] of SETTINGS) {
  test(`a store that is durable ${durable} says ok no more while ${setting} is ${bad}, and why`, async () => {
    await using redis = await redisServer({ args: KEEPING });
    const errors: string[] = [];
    const onError = ({ message }: Error): void => void errors.push(message);
    await using store = await openStore(redis, { durable, onError });
    assertEquals(await sendNew(store), 1);
    await edit(redis, (client) => client.configSet(setting, bad));
    await until(async () => !store.isUp);
    await assertUnavailable(() => store.send(outgoing()));
    await until(async () => errors.some((message) => message.includes(reason)));
    await edit(redis, (client) => client.configSet(setting, good));
    await sendUntilStored(store);
    assertEquals((await readAll(store, "bob")).length, 2);
  });
}

test("a server that comes in the place of another one is no more relied on than the first", async () => {
  await using redis = await redisServer();
  await edit(redis, async (client) => {
    await client.configSet("appendonly", "yes");
    await client.configSet("appendfsync", "always");
  });
  const errors: string[] = [];
  const onError = ({ message }: Error): void => void errors.push(message);
  await using store = await openStore(redis, { durable: "disk", onError });
  assertEquals(await sendNew(store), 1);
  // What it was told is gone then.
  await redis.restart();
  await until(async () => errors.some((message) => message.includes("it writes no append-only file")));
  await assertUnavailable(() => store.send(outgoing()));
});

test("redisStore() answers ok when a replica has it, and unavailable when none has in time", async () => {
  await using replicated = await openReplicated();
  const { replica, store } = replicated;
  await sendUntilStored(store);
  const message = outgoing();
  replica.kill("SIGSTOP");
  await assertUnavailable(() => store.send(message));
  replica.kill("SIGCONT");
  await sendUntilStored(store);
  assertEquals(await store.send(message), { outcome: "stored", seq: 2, at: NOW, duplicate: true });
});

test("what waits for a replica holds up nothing that does not", async () => {
  await using replicated = await openReplicated();
  const { replica, store } = replicated;
  const { epoch } = await untilAvailable(() => store.openDevice("bob", "phone", NOW));
  replica.kill("SIGSTOP");
  const done: string[] = [];
  const sending = assertUnavailable(() => store.send(outgoing())).then(() => done.push("send"));
  await until(async () => (await readAll(store, "bob")).length === 1);
  await store.ack("bob", "phone", epoch, 1, []);
  done.push("ack");
  await sending;
  assertEquals(done, ["ack", "send"]);
});

test("a message that is sent again by another connection is not ok before a replica has it", async () => {
  await using replicated = await openReplicated();
  const { redis, replica, store } = replicated;
  const message = outgoing();
  replica.kill("SIGSTOP");
  await assertUnavailable(() => store.send(message));
  await using other = await redisStore({ url: redis.url, ...TO_REPLICA, onError: unexpected });
  await assertUnavailable(() => other.send(message));
});

/** Changes that leave things as they are when they are made again. */
const CHANGES: readonly {
  readonly what: string;
  readonly change: (store: Store) => Promise<{ readonly outcome: string }>;
}[] = [
  { what: "a join", change: (store) => store.changeGroup("#g", "bob", { action: "join" }) },
  {
    what: "an invitation",
    change: (store) => store.changeGroup("#g", "ann", { action: "invite", name: "bob" }),
  },
  { what: "a block", change: (store) => store.changeFriend("ann", "block", "bob") },
  { what: "what was read", change: (store) => store.markRead("bob", "ann:bob", 1) },
];

for (const { what, change } of CHANGES) {
  test(`${what} that is asked for again is not done before a replica has it`, async () => {
    const prepare = async (patient: Store): Promise<void> => {
      await changeGroup(patient, "#g", "ann", { action: "create", mode: "open" });
      await sendNew(patient);
    };
    await using replicated = await openReplicated({ prepare });
    const { replica, store } = replicated;
    replica.kill("SIGSTOP");
    await assertUnavailable(() => change(store));
    await assertUnavailable(() => change(store));
    replica.kill("SIGCONT");
    assertEquals((await untilAvailable(() => change(store))).outcome, "done");
  });
}

test("on servers of its own no inbox has what no replica of its log has, whoever would bring it", async () => {
  const tried = Promise.withResolvers<void>();
  await using replicated = await openReplicated({ isSplit: true, onError: () => tried.resolve() });
  const { redis, replica, store } = replicated;
  replica.kill("SIGSTOP");
  const message = outgoing();
  await assertUnavailable(() => store.send(message));
  // It is owed, and whoever takes it up fails, too.
  const owed = KEYS.owed(partitionOf(message.conversation));
  await edit(redis, (client) => client.zAdd(owed, { value: "d ann:bob", score: 1 }));
  await tried.promise;
  assertEquals((await readAll(store, "bob")).length, 0);
  replica.kill("SIGCONT");
  await until(async () => (await readAll(store, "bob")).length === 1);
  await sendUntilStored(store);
  await until(async () => (await readAll(store, "bob")).length === 2);
});

/** How the tests' stores wait for a replica. */
const TO_REPLICA = { durable: "replica", deadlineMs: 1000 } as const;

interface Replicated extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly replica: RedisServer;
  readonly store: Store;
}

interface ReplicatedOptions {
  /** What is done before, by a store that does not wait: on a busy machine a replica may take longer than the tests let a store wait. */
  readonly prepare?: (patient: Store) => Promise<void>;
  readonly isSplit?: boolean;
  readonly onError?: () => void;
}

/** A Redis with a replica, and a store that waits for that. */
async function openReplicated(options: ReplicatedOptions = {}): Promise<Replicated> {
  const { prepare, isSplit = false, onError = unexpected } = options;
  await using opening = new AsyncDisposableStack();
  const redis = opening.use(await redisServer({ args: ["--repl-diskless-sync-delay", "0"] }));
  const replica = opening.use(await redisServer({ args: ["--replicaof", "127.0.0.1", `${redis.port}`] }));
  {
    await using patient = await openStore(redis);
    await prepare?.(patient);
  }
  await replicaIsOnline(redis);
  const store = opening.use(await openRedisStore({ url: redis.url, ...TO_REPLICA, onError }, { isSplit }));
  const opened = opening.move();
  return { redis, replica, store, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
