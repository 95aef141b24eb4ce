import { availableParallelism } from "node:os";
import { assertEquals, assertThrows } from "@std/assert";
import { Accounts } from "../../../src/chat/account/accounts.ts";
import { Passwords } from "../../../src/chat/account/password.ts";
import type { ProtocolError } from "../../../src/chat/protocol.ts";
import { sqliteStore } from "../../../src/chat/store/mod.ts";
import { test } from "../../testing.ts";
import { openQuietWriter, temporaryFolder } from "../store/open_stores.ts";

test("a hash says what it cost, and a password is compared with a hash of any cost", async () => {
  const cheap = await new Passwords(10).hash("secret");
  const dear = await new Passwords(15).hash("secret");
  assertEquals(cheap?.startsWith("scrypt$1024$8$1$"), true);
  assertEquals(dear?.startsWith("scrypt$32768$8$1$"), true);
  const passwords = new Passwords();
  for (const hash of [cheap, dear]) {
    assertEquals(await passwords.verify("secret", hash), true);
    assertEquals(await passwords.verify("Secret", hash), false);
  }
  for (const nothing of ["", undefined]) assertEquals(await passwords.verify("", nothing), false);
});

test("a cost that is none is refused with what is allowed", () => {
  for (const cost of [9, 21, 12.5, Number.NaN])
    assertThrows(() => new Passwords(cost), RangeError, "from 10 to 20");
});

test("one password a core is hashed and 64 wait; those beyond are rate_limited with a time to wait", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path, { durable: "memory" });
  await using store = await sqliteStore({ dir: folder.path, writer });
  const accounts = new Accounts({ store, passwordCost: 10 });
  const most = availableParallelism() + 64;
  const made = Array.from({ length: most + 5 }, (_, index) =>
    accounts.register(`user${index}`, "secret", async () => undefined),
  );
  const refused = (await Promise.allSettled(made)).flatMap((one) =>
    one.status === "rejected" ? [one.reason as ProtocolError] : [],
  );
  assertEquals(
    refused.map(({ code, retryMs }) => `${code} ${retryMs}`),
    Array.from({ length: 5 }, () => "rate_limited 1000"),
  );
});
