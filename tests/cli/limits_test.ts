import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../src/net/mod.ts";
import { RawClient, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { type Program, partAddress, startProgram } from "./program.ts";

/** A chat server of its own process, with every limit off but those that are given. */
interface LimitedChat extends AsyncDisposable {
  readonly address: Address;
}

async function startChat(limits: readonly string[]): Promise<LimitedChat> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryFolder());
  const flags = limits.flatMap((limit) => ["--limit", limit]);
  const chat: Program = stack.use(
    startProgram(["chat", "--listen", "127.0.0.1:0", "--admin", "none", "--data", path, ...flags]),
  );
  const address = partAddress(await chat.ready(), "tcp");
  const owned = stack.move();
  return { address, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("chat --limit sets how many accounts and connections an address may have, and how fast a session may send", async () => {
  await using chat = await startChat(["register=2", "connections=3", "messages=1", "queue=1"]);
  await using ada = await RawClient.login(chat.address, "ada");
  await using bob = await RawClient.login(chat.address, "bob");
  const third = await bob.ask({ type: "register", name: "cid", password: "x" });
  assertEquals(third.code, "rate_limited");
  assert(
    Number(third.retry) > 0 && Number(third.retry) <= 30_000,
    `a third account was to be made after ${third.retry} ms`,
  );
  const answers = await Promise.all([1, 2, 3].map(() => ada.ask({ type: "send", to: "bob", text: "x" })));
  assertEquals(
    answers.map(({ code }) => code),
    [undefined, undefined, "rate_limited"],
  );
  await bob.hasMessages(2);
  await using guest = await RawClient.connect(chat.address);
  assertEquals((await guest.ask({ type: "ping" })).type, "pong");
  await using surplus = await RawClient.connect(chat.address);
  assertEquals((await surplus.next("error")).code, "rate_limited");
  await surplus.closed;
});

test("chat --limit login-timeout closes who does not log in, and nobody else", async () => {
  await using chat = await startChat(["login-timeout=1s", "idle=off", "register=off"]);
  await using ada = await RawClient.login(chat.address, "ada");
  await using guest = await RawClient.connect(chat.address);
  assertEquals((await guest.next("closing")).reason, "idle");
  await guest.closed;
  assertEquals((await ada.ask({ type: "ping" })).type, "pong");
});

test("chat --limit idle closes who says nothing, logged in or not", async () => {
  await using chat = await startChat(["idle=1s", "login-timeout=off", "register=off"]);
  await using ada = await RawClient.login(chat.address, "ada");
  await using guest = await RawClient.connect(chat.address);
  for (const client of [ada, guest]) {
    assertEquals((await client.next("closing")).reason, "idle");
    await client.closed;
  }
});

test("chat --limit logins sets how many wrong passwords an address may try", async () => {
  await using chat = await startChat(["logins=1", "register=off"]);
  await using client = await RawClient.connect(chat.address);
  const guess = async (name: string): Promise<unknown> =>
    (await client.ask({ type: "login", name, password: "guess" })).code;
  const codes: unknown[] = [];
  // Four are free, and of those after them one that comes at once.
  for (let index = 0; index < 6; index++) codes.push(await guess(`user${index}`));
  for (const code of codes.slice(0, 5)) assertEquals(code, "bad_credentials");
  const clients = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(chat.address)));
  const refusals = await Promise.all(
    clients.map(async (other, index) => {
      await using asking = other;
      return (await asking.ask({ type: "login", name: `other${index}`, password: "guess" })).code;
    }),
  );
  assert(refusals.includes("rate_limited"), `received ${refusals}`);
});
