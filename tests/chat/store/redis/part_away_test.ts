import { assert, assertEquals } from "@std/assert";
import { redisStore, type SendResult, type Store, StoreError } from "../../../../src/chat/store/mod.ts";
import { partitionOf } from "../../../../src/redis/mod.ts";
import { slotOf } from "../../../../src/redis/slots.ts";
import { type ClusterNode, type RedisCluster, redisCluster } from "../../../redis_cluster.ts";
import { redisCommand } from "../../../redis_process.ts";
import { test } from "../../../testing.ts";
import { createUsers } from "../open_stores.ts";
import { NOW, outgoing } from "../store_steps.ts";
import { KEYS, until } from "./redis_steps.ts";

/** A Cluster that serves what is left when one of its masters is away, and that master. */
interface Divided extends AsyncDisposable {
  readonly cluster: RedisCluster;
  readonly mortal: ClusterNode;
  /** Names `START0` and so on of users whose data is at the mortal master, or not. */
  names(start: string, isMortal: boolean): Generator<string>;
  isMortal(name: string): boolean;
}

async function divided(): Promise<Divided> {
  const cluster = await redisCluster({ args: ["--cluster-require-full-coverage", "no"] });
  const [, , mortal] = cluster.nodes;
  assert(mortal);
  const places = new Map<string, boolean>();
  for (let number = 0; number < 64; number++) {
    const partition = `${number}`.padStart(2, "0");
    places.set(partition, (await cluster.owner(slotOf(`{${partition}}`))) === mortal);
  }
  const isMortal = (name: string): boolean => places.get(partitionOf(name)) ?? false;
  function* names(start: string, wanted: boolean): Generator<string> {
    for (let number = 0; ; number++) if (isMortal(`${start}${number}`) === wanted) yield `${start}${number}`;
  }
  return { cluster, mortal, names, isMortal, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

/** Waits until a store has noticed that a server is gone: a question about one who is kept there fails at once. */
async function hasNoticed(store: Store, name: string): Promise<void> {
  await until(() =>
    store.inboxState(name).then(
      () => false,
      () => true,
    ),
  );
}

test("where inboxes stand is told of those that can be looked at, while a master of others is away", async () => {
  await using parts = await divided();
  const [kept = "", lost = ""] = [...parts.names("ann", false).take(1), ...parts.names("ann", true).take(1)];
  const errors: Error[] = [];
  await using store = await redisStore({ url: parts.cluster.url, onError: (error) => errors.push(error) });
  await createUsers(store, [kept, lost]);
  const places = await Promise.all(
    [kept, lost].map(async (user) => {
      const { epoch } = await store.openDevice(user, "phone", NOW);
      return { user, device: "phone", epoch, inbox: 0, stamp: 0 };
    }),
  );
  parts.mortal.kill("SIGKILL");
  await hasNoticed(store, lost);
  errors.length = 0;
  const [found, missing] = await store.inboxStates(places);
  assertEquals([found?.epoch, found?.isUncertain, missing], [places[0]?.epoch, true, undefined]);
  assert(errors.some(({ message }) => message.includes("where some inboxes stand")));
  const failure = await store.inboxStates(places.slice(1)).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert(failure instanceof StoreError && failure.code === "unavailable");
});

test("a send to one whose master is away fails alone, not those that are sent with it", async () => {
  await using parts = await divided();
  const [from = ""] = parts.names("ann", false);
  const url = parts.cluster.url;
  const onError = (): void => undefined;
  // All in one batch, which is of one partition.
  const [first = ""] = parts.names("bob", false).filter((to) => !parts.isMortal(`${from}:${to}`));
  const partition = partitionOf(`${from}:${first}`);
  const inBatch = (to: string): boolean => partitionOf(`${from}:${to}`) === partition;
  const kept = [...parts.names("bob", false).filter(inBatch).take(5)];
  const [lost = ""] = parts.names("bob", true).filter(inBatch);
  {
    await using others = await redisStore({ url, onError });
    await createUsers(others, [from, lost, ...kept]);
  }
  // One that knows no names yet.
  await using store = await redisStore({ url, onError });
  parts.mortal.kill("SIGKILL");
  await hasNoticed(store, lost);
  const send = (to: string): Promise<SendResult["outcome"] | "failed"> =>
    store.send(outgoing({ conversation: `${from}:${to}`, from, to })).then(
      ({ outcome }) => outcome,
      () => "failed",
    );
  const [toLost, ...toKept] = await Promise.all([lost, ...kept].map(send));
  assertEquals([toLost, ...new Set(toKept)], ["failed", "stored"]);
});

test("a name that has turned out to be gone is unknown again", async () => {
  await using cluster = await redisCluster();
  await using store = await redisStore({ url: cluster.url, onError: () => undefined });
  await createUsers(store, ["ann", "bob"]);
  const send = async (): Promise<string> => (await store.send(outgoing())).outcome;
  assertEquals(await send(), "stored");
  const { port } = await cluster.owner(slotOf(`{${partitionOf("bob")}}`));
  await redisCommand(port, "DEL", KEYS.mark("bob"));
  await until(async () => (await send()) === "unknown_user");
});
