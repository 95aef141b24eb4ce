import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

test("a client that does not read gets lag, keeps the server's queue small, and everything once it reads", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  bob.connection.pause();
  const text = "x".repeat(16_000);
  const answers = Array.from({ length: 800 }, (_, index) =>
    ada.ask({ type: "send", to: "bob", text: `${index} ${text}` }),
  );
  await Promise.all(answers);
  assert(bob.messages.length < 100, "the client was to read nothing");
  bob.connection.resume();
  const received = await bob.hasMessages(800);
  assertEquals(
    received.map(({ inbox }) => inbox),
    Array.from({ length: 800 }, (_, index) => index + 1),
  );
  assert(
    bob.frames.some(({ type }) => type === "lag"),
    "there was to be a lag frame",
  );
});

test("a client that takes nothing for a minute while frames wait is closed as slow", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, limits: { idleMs: undefined } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  bob.connection.pause();
  const text = "x".repeat(16_000);
  await Promise.all(Array.from({ length: 800 }, () => ada.ask({ type: "send", to: "bob", text })));
  clock.advance(70_000);
  bob.connection.resume();
  assertEquals((await bob.next("closing")).reason, "slow");
  await bob.closed;
  await using again = await RawClient.login(cluster.at(0), "bob");
  await again.hasMessages(800);
});

test("messages that arrive while a login replays come once and in order", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const first = await RawClient.login(cluster.at(1), "bob");
  await first[Symbol.asyncDispose]();
  const send = (index: number) => ada.ask({ type: "send", to: "bob", text: String(index) });
  await Promise.all(Array.from({ length: 300 }, (_, index) => send(index)));
  const later = (async () => {
    for (let index = 300; index < 600; index++) await send(index);
  })();
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await later;
  const received = await bob.hasMessages(600);
  assertEquals(
    received.map(({ text }) => text),
    Array.from({ length: 600 }, (_, index) => String(index)),
  );
});
