import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Frame, RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { rollbackWorld } from "../rollback_world.ts";

/** Sends texts to bob, one after another. */
async function send(ada: RawClient, texts: readonly string[]): Promise<void> {
  for (const text of texts) assertEquals((await ada.ask({ type: "send", to: "bob", text })).type, "ok");
}

/** Acknowledges, and waits until that is stored. */
async function acknowledge(bob: RawClient, ada: RawClient, inbox: number): Promise<void> {
  bob.tell({ type: "ack", inbox });
  await ada.next("receipt");
}

function shown(frames: readonly Frame[]): unknown[] {
  return frames.map(({ inbox, text }) => [inbox, text]);
}

test("sessions whose history was rolled back are told so, and go on after what they had acknowledged, in a new epoch", async () => {
  await using world = await rollbackWorld();
  const { cluster } = world;
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const epoch = bob.frames.find((frame) => "epoch" in frame)?.epoch;
  await send(ada, ["1", "2"]);
  await bob.hasMessages(2);
  await acknowledge(bob, ada, 1);
  await world.keep();
  await send(ada, ["lost 3", "lost 4"]);
  await bob.hasMessages(4);
  await acknowledge(bob, ada, 4);
  await world.rollBack();
  await Promise.all(cluster.servers.map((server) => server.reconcile()));
  const resync = await bob.next("resync");
  assertEquals([resync.reason, resync.inbox], ["rollback", 1]);
  assertNotEquals(resync.epoch, epoch);
  assertEquals((await ada.next("resync")).reason, "rollback");
  await send(ada, ["5"]);
  const messages = await bob.hasMessages(6);
  assertEquals(shown(messages.slice(4)), [
    [2, "2"],
    [3, "5"],
  ]);
  await acknowledge(bob, ada, 3);
  await using again = await RawClient.connect(cluster.at(0));
  const login = await again.ask({ type: "login", name: "bob", password: "secret" });
  assertEquals([login.epoch, login.inbox], [resync.epoch, 3]);
  await send(ada, ["6"]);
  assertEquals(shown(await again.hasMessages(1)), [[4, "6"]]);
});

test("a hint whose number was there before gives the rollback away, long before the inboxes are looked at again", async () => {
  await using world = await rollbackWorld();
  await using ada = await RawClient.login(world.cluster.at(0), "ada");
  await using bob = await RawClient.login(world.cluster.at(1), "bob");
  await send(ada, ["1"]);
  await world.keep();
  await send(ada, ["lost 2", "lost 3"]);
  await bob.hasMessages(3);
  await world.rollBack();
  await send(ada, ["2"]);
  assertEquals((await bob.next("resync")).reason, "rollback");
  const last = await bob.until("the new message", () => bob.messages.find(({ text }) => text === "2"));
  assertEquals(last.inbox, 2);
});

test("a session that was resumed at an entry which a rollback takes is told so, before what comes under newer numbers", async () => {
  await using world = await rollbackWorld();
  await using ada = await RawClient.login(world.cluster.at(0), "ada");
  const first = await RawClient.login(world.cluster.at(1), "bob");
  const epoch = first.frames.find((frame) => "epoch" in frame)?.epoch;
  await send(ada, ["1"]);
  await world.keep();
  await send(ada, ["lost 2", "lost 3"]);
  const last = (await first.hasMessages(3)).at(-1);
  await first[Symbol.asyncDispose]();
  await using bob = await RawClient.connect(world.cluster.at(1));
  const cursor = { epoch, inbox: last?.inbox, stamp: last?.stamp };
  const login = await bob.ask({ type: "login", name: "bob", password: "secret", cursor });
  assertEquals(login.resumed, true);
  await world.rollBack();
  await send(ada, ["2", "3", "4"]);
  await bob.until("the last message", () => bob.messages.find(({ text }) => text === "4"));
  assertEquals((await bob.next("resync")).reason, "rollback");
  const frames = bob.frames.filter(({ type }) => type === "message" || type === "resync");
  assertEquals(frames[0]?.type, "resync");
  assertEquals(shown(bob.messages).slice(-3), [
    [2, "2"],
    [3, "3"],
    [4, "4"],
  ]);
});

test("hints that were lost while history went back are no trap: what came under old numbers is shown, too", async () => {
  await using world = await rollbackWorld();
  await using ada = await RawClient.login(world.cluster.at(0), "ada");
  await using bob = await RawClient.login(world.cluster.at(1), "bob");
  await send(ada, ["1"]);
  await bob.hasMessages(1);
  await world.keep();
  await send(ada, ["lost 2", "lost 3"]);
  await bob.hasMessages(3);
  await world.cutBus();
  await world.rollBack();
  // The last of them has the number that comes next in the old history.
  const texts = ["2", "3", "4"];
  await send(ada, texts);
  await bob.until("the last message", () => bob.messages.find(({ text }) => text === "4"));
  const resync = bob.frames.findIndex(({ type }) => type === "resync");
  const after = bob.frames.slice(resync).filter(({ type }) => type === "message");
  assertEquals(shown(after).slice(-3), [
    [2, "2"],
    [3, "3"],
    [4, "4"],
  ]);
});

for (const missed of [1, 2]) {
  test(`a hint tells of a rollback when the ${missed} before it was lost with the connection that hints come on`, async () => {
    await using world = await rollbackWorld();
    await using ada = await RawClient.login(world.cluster.at(0), "ada");
    await (await RawClient.login(world.cluster.at(1), "bob"))[Symbol.asyncDispose]();
    await send(ada, ["1"]);
    await world.keep(1);
    const texts = Array.from({ length: missed }, (_, index) => `new ${index + 2}`);
    await send(ada, texts);
    await world.keep(2);
    await world.rollBack(1);
    await using bob = await RawClient.login(world.cluster.at(1), "bob");
    await send(ada, ["lost 2"]);
    await bob.hasMessages(2);
    // Of what is there now no hint has come.
    await world.rollBack(2);
    await send(ada, ["last"]);
    await bob.until("the last message", () => bob.messages.find(({ text }) => text === "last"));
    const frames = bob.frames.filter(({ type }) => type === "message" || type === "resync");
    const resync = frames.findIndex(({ type }) => type === "resync");
    assertEquals(frames[resync]?.reason, "rollback");
    const expected = [...texts, "last"].map((text, index) => [index + 2, text]);
    assertEquals(shown(frames.slice(resync + 1)).slice(-expected.length), expected);
    assert(resync === 2, "nothing of the new history was to come before it was told");
  });
}

test("what a rolled-back log gets once more is shown behind a resync, though no inbox has lost anything", async () => {
  await using world = await rollbackWorld();
  await using ada = await RawClient.login(world.cluster.at(0), "ada");
  await using bob = await RawClient.login(world.cluster.at(1), "bob");
  await send(ada, ["1"]);
  await world.keep();
  await send(ada, ["2"]);
  await bob.hasMessages(2);
  await world.rollBackLogs();
  // As a client does that was not answered before the rollback.
  await send(ada, ["2"]);
  for (const client of [ada, bob]) {
    await client.until("the message again", () => client.messages.filter(({ text }) => text === "2")[2]);
    const frames = client.frames.filter(({ type }) => type === "message" || type === "resync");
    assertEquals(
      frames.map(({ type, reason, text }) => reason ?? (type === "message" && text)),
      ["1", "2", "rollback", "1", "2", "2"],
    );
  }
});

test("a user who was away while history was rolled back gets resync and everything after the acknowledgement", async () => {
  await using world = await rollbackWorld();
  await using ada = await RawClient.login(world.cluster.at(0), "ada");
  const first = await RawClient.login(world.cluster.at(1), "bob");
  const epoch = first.frames.find((frame) => "epoch" in frame)?.epoch;
  await world.keep();
  await send(ada, ["lost 1"]);
  const [lost] = await first.hasMessages(1);
  await first[Symbol.asyncDispose]();
  await world.rollBack();
  await send(ada, ["1", "2"]);
  await using bob = await RawClient.connect(world.cluster.at(1));
  const cursor = { epoch, inbox: lost?.inbox, stamp: lost?.stamp };
  const login = await bob.ask({ type: "login", name: "bob", password: "secret", cursor });
  assertEquals(login.resumed, false);
  assertEquals((await bob.next("resync")).reason, "rollback");
  assertEquals(shown(await bob.hasMessages(2)), [
    [1, "1"],
    [2, "2"],
  ]);
});

test("looking at the inboxes causes no resync and repeats nothing when nothing was rolled back", async () => {
  await using world = await rollbackWorld();
  await using ada = await RawClient.login(world.cluster.at(0), "ada");
  await using bob = await RawClient.login(world.cluster.at(1), "bob");
  await send(ada, ["1", "2"]);
  await bob.hasMessages(2);
  for (let round = 0; round < 3; round++)
    await Promise.all(world.cluster.servers.map((server) => server.reconcile()));
  await send(ada, ["3"]);
  assertEquals(shown(await bob.hasMessages(3)), [
    [1, "1"],
    [2, "2"],
    [3, "3"],
  ]);
  assert(!bob.frames.some(({ type }) => type === "resync"), "there was no rollback");
  assertEquals(world.cluster.errors, []);
});
