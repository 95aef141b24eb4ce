import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

test("two users on different servers exchange messages byte for byte", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const texts = [
    'quotes " and \\',
    "NUL \0 inside",
    "emoji \u{1F469}\u200D\u{1F4BB}",
    "x".repeat(2000),
    "line\nbreak\r\n",
    "\u2028",
  ];
  for (const text of texts) assertEquals((await ada.ask({ type: "send", to: "bob", text })).type, "ok");
  const received = await bob.hasMessages(texts.length);
  assertEquals(
    received.map(({ text }) => text),
    texts,
  );
  assertEquals(
    received.map(({ seq, inbox, from, to, conversation }) => [seq, inbox, from, to, conversation]),
    texts.map((_, index) => [index + 1, index + 1, "ada", "bob", "ada:bob"]),
  );
});

test("a page of history ends at 128 KiB, says exactly whether there is more, and the next one goes on", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  for (let index = 0; index < 6; index++)
    assertEquals((await ada.ask({ type: "send", to: "ada", text: `${index}`.repeat(32_000) })).type, "ok");
  const page = async (before?: number): Promise<readonly [readonly unknown[], unknown]> => {
    const answer = await ada.ask({ type: "history", with: "ada", limit: 200, before });
    const messages = answer.messages as readonly { readonly seq: number }[];
    return [messages.map(({ seq }) => seq), answer.more];
  };
  assertEquals(await page(), [[3, 4, 5, 6], true]);
  assertEquals(await page(3), [[1, 2], false]);
  assertEquals(await page(1), [[], false]);
});

test("a text of 32 KiB arrives, one byte more is refused and leaves the connection alive", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const text = "\u0001".repeat(5000) + "é".repeat(13_884);
  assertEquals((await ada.ask({ type: "send", to: "ada", text })).type, "ok");
  assertEquals((await ada.hasMessages(1))[0]?.text, text);
  const refused = await ada.ask({ type: "send", to: "ada", text: "x".repeat(32_769) });
  assertEquals([refused.type, refused.code], ["error", "bad_frame"]);
  assertEquals((await ada.ask({ type: "ping" })).type, "pong");
});

test("the same send id again answers duplicate with the same seq, and nothing arrives twice", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  const first = await ada.ask({ type: "send", id: "1", to: "bob", text: "hello" });
  const again = await ada.ask({ type: "send", id: "1", to: "bob", text: "hello" });
  assertEquals([first.duplicate, again.duplicate, again.seq, again.at], [false, true, first.seq, first.at]);
  const reused = await ada.ask({ type: "send", id: "1", to: "bob", text: "other" });
  assertEquals(reused.code, "id_reused");
  await ada.ask({ type: "send", id: "2", to: "bob", text: "end" });
  assertEquals(
    (await bob.hasMessages(2)).map(({ text }) => text),
    ["hello", "end"],
  );
});

test("two users who both send with id 1 each get their message through", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const answers = await Promise.all([
    ada.ask({ type: "send", id: "1", to: "bob", text: "from ada" }),
    bob.ask({ type: "send", id: "1", to: "ada", text: "from bob" }),
  ]);
  assertEquals(
    answers.map(({ duplicate }) => duplicate),
    [false, false],
  );
  const texts = (await ada.hasMessages(2)).map(({ text }) => text).sort();
  assertEquals(texts, ["from ada", "from bob"]);
  assertEquals(
    (await bob.hasMessages(2)).map(({ seq }) => seq),
    [1, 2],
  );
});

test("messages to someone who is away wait, and a cursor brings just what is newer", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const first = await RawClient.login(cluster.at(0), "bob");
  await ada.ask({ type: "send", to: "bob", text: "one" });
  const [one] = await first.hasMessages(1);
  const epoch = first.frames.find((frame) => frame.user === "bob" && "epoch" in frame)?.epoch;
  await first[Symbol.asyncDispose]();
  for (const text of ["two", "three"]) await ada.ask({ type: "send", to: "bob", text });
  await using bob = await RawClient.connect(cluster.at(1));
  const cursor = { epoch, inbox: one?.inbox, stamp: one?.stamp };
  const login = await bob.ask({ type: "login", name: "bob", password: "secret", cursor });
  assertEquals([login.resumed, login.inbox, login.server], [true, 3, "s1"]);
  assertEquals(
    (await bob.hasMessages(2)).map(({ text }) => text),
    ["two", "three"],
  );
});

test("without a cursor a device goes on after its acknowledgement, which reaches no further than what it was sent", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const first = await RawClient.login(cluster.at(0), "bob");
  for (const text of ["one", "two", "three"]) await ada.ask({ type: "send", to: "bob", text });
  await first.hasMessages(3);
  first.tell({ type: "ack", inbox: 2 });
  first.tell({ type: "ack", inbox: 99 });
  assertEquals((await first.ask({ type: "ping" })).type, "pong");
  await first[Symbol.asyncDispose]();
  await ada.ask({ type: "send", to: "bob", text: "four" });
  await using bob = await RawClient.login(cluster.at(0), "bob");
  assertEquals(
    (await bob.hasMessages(2)).map(({ text }) => text),
    ["three", "four"],
  );
});

test("a cursor of another history gets resync, never a silent hole", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await ada.ask({ type: "send", to: "ada", text: "one" });
  const [one] = await ada.hasMessages(1);
  const epoch = ada.frames.find((frame) => "epoch" in frame)?.epoch;
  const wrong = [
    { epoch: "other", inbox: 1, stamp: one?.stamp },
    { epoch, inbox: 1, stamp: Number(one?.stamp) + 1 },
    { epoch, inbox: 7, stamp: one?.stamp },
  ];
  for (const cursor of wrong) {
    await using client = await RawClient.connect(cluster.at(0));
    const login = await client.ask({
      type: "login",
      name: "ada",
      password: "secret",
      device: "other",
      cursor,
    });
    assertEquals(login.resumed, false);
    const resync = await client.next("resync");
    assertEquals([resync.reason, resync.inbox, resync.epoch], ["rollback", 0, epoch]);
    assertEquals((await client.next("message")).text, "one");
  }
});

test("every device of a user gets each message, the sender's other devices too", async () => {
  await using cluster = await chatServers(2);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  await using bob = await RawClient.login(cluster.at(1), "bob");
  await bob.ask({ type: "send", to: "ada", text: "to both" });
  await phone.ask({ type: "send", to: "bob", text: "from the phone" });
  for (const client of [phone, laptop, bob]) {
    assertEquals(
      (await client.hasMessages(2)).map(({ text }) => text),
      ["to both", "from the phone"],
    );
  }
});

test("a newer login of a device replaces the older one on another server", async () => {
  await using cluster = await chatServers(2);
  await using older = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using newer = await RawClient.login(cluster.at(1), "ada", { device: "phone" });
  assertEquals((await older.next("closing")).reason, "replaced");
  await older.closed;
  assertEquals((await newer.ask({ type: "ping" })).server, "s1");
});

test("a logout and a login within one tick leave the user subscribed", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  bob.write('{"type":"logout","id":"a"}\n{"type":"login","id":"b","name":"bob","password":"secret"}\n');
  await bob.until("the second login", () => bob.frames.find(({ id, user }) => id === "b" && user === "bob"));
  await ada.ask({ type: "send", to: "bob", text: "still there?" });
  assertEquals((await bob.hasMessages(1))[0]?.text, "still there?");
});

test("sync brings entries again by pages, and history a conversation backwards", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  for (let index = 1; index <= 5; index++) await ada.ask({ type: "send", to: "bob", text: `m${index}` });
  await bob.hasMessages(5);
  const page = await bob.ask({ type: "sync", inbox: 1, limit: 3 });
  assertEquals([page.inbox, page.more], [4, true]);
  assertEquals(
    bob.messages.slice(5).map(({ text }) => text),
    ["m2", "m3", "m4"],
  );
  const last = await bob.ask({ type: "sync", inbox: 4 });
  assertEquals([last.inbox, last.more], [5, false]);
  const newest = await bob.ask({ type: "history", with: "ada", limit: 2 });
  assertEquals([textsOf(newest.messages), newest.more], [["m4", "m5"], true]);
  const older = await bob.ask({ type: "history", with: "ada", before: 4, limit: 50 });
  assertEquals([textsOf(older.messages), older.more], [["m1", "m2", "m3"], false]);
});

test("a client that sends everything at once and stops sending is still answered", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  const frames = [
    { type: "register", id: "1", name: "ada", password: "secret" },
    { type: "login", id: "2", name: "ada", password: "secret" },
    { type: "send", id: "3", to: "ada", text: "all at once" },
  ];
  client.write(frames.map((frame) => `${JSON.stringify(frame)}\r\n`).join(""));
  client.connection.end();
  await client.closed;
  const answers = client.frames.filter(({ type }) => type === "ok").map(({ id }) => id);
  assertEquals(answers, ["1", "2", "3"]);
});

function textsOf(messages: unknown): unknown[] {
  return (messages as { text: string }[]).map(({ text }) => text);
}
