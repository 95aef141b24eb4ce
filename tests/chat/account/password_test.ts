import { assertEquals, assertThrows } from "@std/assert";
import { Passwords } from "../../../src/chat/account/password.ts";
import { test } from "../../testing.ts";

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
