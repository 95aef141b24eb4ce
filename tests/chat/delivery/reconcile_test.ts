import { assertEquals } from "@std/assert";
import { type Bus, redisBus } from "../../../src/bus/mod.ts";
import { type ChatServer, redisStore, type Store, startChatServer } from "../../../src/chat/mod.ts";
import { systemDriver } from "../../../src/net/mod.ts";
import { connectRedis } from "../../../src/redis/mod.ts";
import { RawClient } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";

/** A chat server of its own on a Redis, which waits for `beforeSubscribing` each time. */
async function serverOn(
  url: string,
  beforeSubscribing: (channel: string) => Promise<void> = async () => undefined,
): Promise<{ readonly server: ChatServer; readonly store: Store } & AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const onError = (): void => undefined;
  let running: ChatServer | undefined;
  const store = stack.use(await redisStore({ url, onError }));
  const direct = stack.use(await redisBus({ url, onError, onRestored: () => void running?.reconcile() }));
  const bus: Bus = {
    get dropped() {
      return direct.dropped;
    },
    publish: (channel, payload) => direct.publish(channel, payload),
    publishConfirmed: (channel, payload) => direct.publishConfirmed(channel, payload),
    async subscribe(channel, handler) {
      await beforeSubscribing(channel);
      return await direct.subscribe(channel, handler);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const listen = { host: "127.0.0.1", port: 0 };
  const server = stack.use(
    await startChatServer({ id: "s", listen, driver: systemDriver(), store, bus, onError }),
  );
  running = server;
  return { server, store, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a message whose hint was lost with the bus's connection arrives once the connection is back", async () => {
  await using redis = await redisServer();
  await using one = await serverOn(redis.url);
  await using two = await serverOn(redis.url);
  await using ada = await RawClient.login(one.server.address, "ada");
  await using bob = await RawClient.login(two.server.address, "bob");
  await using operator = await connectRedis(redis.url);
  for (let round = 1; round <= 3; round++) {
    await operator.client.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
    assertEquals((await ada.ask({ type: "send", to: "bob", text: `round ${round}` })).type, "ok");
    assertEquals((await bob.hasMessages(round)).at(-1)?.text, `round ${round}`);
  }
});

test("a session that did not hear that its password was changed ends when its server looks where it stands", async () => {
  await using redis = await redisServer();
  await using one = await serverOn(redis.url);
  await using two = await serverOn(redis.url);
  await using phone = await RawClient.login(one.server.address, "ada", { device: "phone" });
  await using laptop = await RawClient.login(two.server.address, "ada", { device: "laptop" });
  // As a change of the password does, but for the notice.
  await one.store.endDevices("ada", "phone");
  await two.server.reconcile();
  await one.server.reconcile();
  assertEquals((await laptop.next("closing")).reason, "replaced");
  assertEquals((await phone.ask({ type: "send", to: "ada", text: "still here" })).type, "ok");
});

test("a login by a token that is revoked before its session can be told does not get in", async () => {
  await using redis = await redisServer();
  await using one = await serverOn(redis.url);
  const subscribing = Promise.withResolvers<void>();
  const revoked = Promise.withResolvers<void>();
  await using two = await serverOn(redis.url, async (channel) => {
    if (channel !== "user:ada") return;
    subscribing.resolve();
    await revoked.promise;
  });
  await using ada = await RawClient.login(one.server.address, "ada");
  const token = ada.frames.find((frame) => "token" in frame)?.token;
  await using late = await RawClient.connect(two.server.address);
  const login = late.ask({ type: "login", token, device: "other" });
  await subscribing.promise;
  await one.server.control.closeUser("ada", { revoke: true });
  assertEquals((await ada.next("closing")).reason, "operator");
  revoked.resolve();
  assertEquals((await login).code, "bad_credentials");
});

test("a login that is carried out after a later one of its device replaces nobody, and is told the number to exceed", async () => {
  await using redis = await redisServer();
  await using one = await serverOn(redis.url);
  const stalled = Promise.withResolvers<void>();
  const passed = Promise.withResolvers<void>();
  await using two = await serverOn(redis.url, async (channel) => {
    if (channel !== "user:ada") return;
    stalled.resolve();
    await passed.promise;
  });
  await using ada = await RawClient.login(one.server.address, "ada", { attempt: 1 });
  const token = ada.frames.find((frame) => "token" in frame)?.token;
  await using early = await RawClient.connect(two.server.address);
  const login = early.ask({ type: "login", token, attempt: 2 });
  await stalled.promise;
  await using late = await RawClient.connect(one.server.address);
  assertEquals((await late.ask({ type: "login", token, attempt: 3 })).type, "ok");
  assertEquals((await ada.next("closing")).reason, "replaced");
  passed.resolve();
  const { code, attempt } = await login;
  assertEquals([code, attempt], ["unavailable", 3]);
  await one.server.reconcile();
  assertEquals((await late.ask({ type: "send", to: "ada", text: "still here" })).type, "ok");
  // The same number is no later one: else both would stay.
  const { code: again, attempt: present } = await early.ask({ type: "login", token, attempt: 3 });
  assertEquals([again, present], ["unavailable", 3]);
  assertEquals((await early.ask({ type: "login", token, attempt: 4 })).type, "ok");
  assertEquals((await late.next("closing")).reason, "replaced");
});

test("a Redis that is stopped makes sends unavailable, and everything works again by itself when it is back", async () => {
  await using redis = await redisServer({ args: ["--appendonly", "yes"] });
  await using one = await serverOn(redis.url);
  await using ada = await RawClient.login(one.server.address, "ada");
  await redis.stop();
  assertEquals((await ada.ask({ type: "send", id: "1", to: "ada", text: "x" })).code, "unavailable");
  await redis.restart();
  let answer = await ada.ask({ type: "send", id: "1", to: "ada", text: "x" });
  while (answer.code === "unavailable")
    answer = await ada.ask({ type: "send", id: "1", to: "ada", text: "x" });
  assertEquals([answer.type, answer.seq], ["ok", 1]);
  assertEquals((await ada.hasMessages(1))[0]?.text, "x");
});
