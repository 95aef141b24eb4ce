import { assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { localBus } from "../../../src/bus/mod.ts";
import { startChatServer } from "../../../src/chat/mod.ts";
import { ProtocolError } from "../../../src/chat/protocol.ts";
import { RequestFailures } from "../../../src/chat/session/request_failures.ts";
import { StoreError, type StoreErrorCode, sqliteStore } from "../../../src/chat/store/mod.ts";
import { systemDriver } from "../../../src/net/mod.ts";
import { RedisError } from "../../../src/redis/mod.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { openQuietWriter, temporaryFolder } from "../store/open_stores.ts";

function failures(): { clock: ManualClock; told: string[]; failures: RequestFailures } {
  const clock = new ManualClock();
  const told: string[] = [];
  const onError = (error: unknown, { during }: { during: string }): void =>
    void told.push(`${during}: ${error instanceof StoreError ? error.code : error}`);
  return { clock, told, failures: new RequestFailures({ clock, onError }) };
}

/** What a client is answered where the store has failed. */
function answered(code: StoreErrorCode, cause?: Error): ProtocolError {
  return new ProtocolError("unavailable", "try again", { cause: new StoreError(code, "failed", { cause }) });
}

test("what the store could not do is told once in ten seconds a kind, however many clients run into it", () => {
  const { clock, told, failures: taken } = failures();
  for (let client = 0; client < 1000; client++) taken.take(answered("damaged"), "login");
  taken.take(answered("unavailable"), "login");
  taken.take(answered("damaged"), "register");
  clock.advance(10_000);
  taken.take(answered("damaged"), "login");
  assertEquals(told, ["login: damaged", "login: unavailable", "register: damaged", "login: damaged"]);
});

test("what nobody has foreseen is told each time", () => {
  const { told, failures: taken } = failures();
  for (let tries = 0; tries < 2; tries++) taken.take(new TypeError("a mistake of ours"), "send");
  assertEquals(told, ["send: TypeError: a mistake of ours", "send: TypeError: a mistake of ours"]);
});

test("that a Redis is away, and what is no failure of the store, is not told", () => {
  const { told, failures: taken } = failures();
  taken.take(answered("unavailable", new RedisError("unreachable", "no connection")), "send");
  taken.take(answered("unavailable", new RedisError("timeout", "no answer")), "send");
  taken.take(new ProtocolError("bad_credentials", "the name or the password is wrong"), "login");
  assertEquals(told, []);
  taken.take(answered("unavailable", new RedisError("unwritable", "OOM")), "send");
  assertEquals(told, ["send: unavailable"]);
});

test("a server whose store cannot be read tells its clients that it is unavailable, and its log why", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  await using store = await sqliteStore({ dir: folder.path, writer });
  await using bus = localBus();
  const told: unknown[] = [];
  const onError = (error: unknown, { during }: { during: string }): void =>
    void told.push(`${during}: ${error instanceof StoreError && error.message.split(":")[0]}`);
  const listen = { host: "127.0.0.1", port: 0 };
  await using server = await startChatServer({
    id: "s",
    listen,
    driver: systemDriver(),
    store,
    bus,
    onError,
  });
  await using client = await RawClient.connect(server.address);
  await store[Symbol.asyncDispose]();
  for (let tries = 0; tries < 3; tries++) {
    const answer = await client.ask({ type: "login", name: "ada", password: "secret" });
    assertEquals(answer.code, "unavailable");
  }
  assertEquals(told, [`login: Cannot read from data folder "${folder.path}"`]);
});
