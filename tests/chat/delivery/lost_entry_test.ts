import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { localBus } from "../../../src/bus/mod.ts";
import { openWriter, sqliteStore, startChatServer } from "../../../src/chat/mod.ts";
import { databasePath } from "../../../src/chat/store/sqlite/database.ts";
import { systemDriver } from "../../../src/net/mod.ts";
import { RawClient, temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";

test("an inbox with a hole that nobody can explain holds nobody up: resync says it, and the rest comes", async () => {
  await using stack = new AsyncDisposableStack();
  const { path: dir } = stack.use(temporaryFolder());
  const bus = stack.use(localBus());
  const onError = (error: unknown): never => {
    throw error;
  };
  const hint = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
  const writer = stack.use(await openWriter({ dir, durable: "memory", hint, onError }));
  const store = stack.use(await sqliteStore({ dir, writer }));
  const listen = { host: "127.0.0.1", port: 0 };
  const options = { id: "s", listen, driver: systemDriver(), store, bus, onError };
  const { address } = stack.use(await startChatServer(options));
  await using ada = await RawClient.login(address, "ada");
  for (const text of ["1", "2", "3", "4"]) await ada.ask({ type: "send", to: "ada", text });
  await ada.hasMessages(4);
  // Who reads makes the database take all that was sent, and others may write then.
  await ada.ask({ type: "history", with: "ada" });
  const file = new DatabaseSync(databasePath(dir));
  file.prepare("DELETE FROM inboxes WHERE place & 4294967295 IN (2, 3)").run();
  file.close();
  await using other = await RawClient.login(address, "ada", { device: "other" });
  const resync = await other.next("resync");
  assertEquals([resync.reason, resync.inbox], ["trimmed", 3]);
  assertEquals(
    (await other.hasMessages(2)).map(({ text }) => text),
    ["1", "4"],
  );
});
