import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { StoreError, sqliteStore } from "../../../../src/chat/store/mod.ts";
import { test } from "../../../testing.ts";
import { createUsers, openQuietWriter, temporaryFolder } from "../open_stores.ts";
import { readAll, sendNew } from "../store_steps.ts";
import { useStore } from "./use_store.ts";

test("a writer acknowledges nothing while its folder is somewhere else, and goes on when it is back", async () => {
  await using folder = await temporaryFolder();
  const [dir, away] = [join(folder.path, "data"), join(folder.path, "away")];
  const errors: string[] = [];
  const writer = await openQuietWriter(dir, { onError: ({ message }) => errors.push(message) });
  const store = await sqliteStore({ dir, writer });
  await createUsers(store, ["ann", "bob"]);
  assertEquals(await sendNew(store), 1);
  await rename(dir, away);
  const error = await assertRejects(() => sendNew(store), StoreError, dir);
  assertEquals([error.code, errors.length], ["unavailable", 1]);
  assertMatch(errors[0] ?? "", /was taken away or exchanged/);
  await rename(away, dir);
  assertEquals(await sendNew(store), 2);
  await store[Symbol.asyncDispose]();
  await writer.close();
  assertEquals(await useStore(dir, async (after) => (await readAll(after, "bob")).length), 2);
});

test("a writer acknowledges nothing once its database or its journal is another file, or none", async () => {
  for (const name of ["chat.sqlite", "journal"]) {
    await using folder = await temporaryFolder();
    await using writer = await openQuietWriter(folder.path, { onError: () => undefined });
    const path = join(folder.path, name);
    const content = await readFile(path);
    await rm(path);
    await assertRejects(() => writer.write([]), StoreError, name);
    await writeFile(path, content, { mode: 0o600 });
    await assertRejects(() => writer.write([]), StoreError, name);
  }
});
