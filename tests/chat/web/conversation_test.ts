import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { peerOf } from "../../../src/chat/protocol.ts";
import { Conversation, type Look } from "../../../src/chat/web/page/conversation.ts";
import { Conversations } from "../../../src/chat/web/page/conversations.ts";
import { test } from "../../testing.ts";

const line = (seq: number, from = "bob") => ({ seq, id: `i${seq}`, from, text: `${seq}`, at: seq * 1000 });

const linesTo = (last: number) => Array.from({ length: last }, (_, index) => line(index + 1));

/** Begins to look for what is older, where that can be. */
function lookBack(conversation: Conversation): Look {
  const look = conversation.lookBack();
  if (!look) throw new Error("nothing older can be asked for");
  return look;
}

test("messages are shown once and in order, however they come", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (seqs) => {
      const conversation = new Conversation("bob");
      for (const seq of seqs) conversation.add(line(seq));
      const shown = conversation.lines.map(({ seq }) => seq);
      assertEquals(
        shown,
        [...new Set(seqs)].sort((a, b) => a - b),
      );
    }),
  );
});

test("what is read up to the newest leaves nothing unread, and what was read never becomes unread", () => {
  const conversation = new Conversation("bob");
  for (const seq of [1, 2, 3]) conversation.add(line(seq));
  conversation.unread = 3;
  conversation.markRead(2, "ada");
  assertEquals(conversation.unread, 1);
  conversation.markRead(3, "ada");
  conversation.markRead(1, "ada");
  assertEquals([conversation.unread, conversation.progress.get("ada")?.read], [0, 3]);
});

test("the state of the user's message says how far the other one, or how many of a group are", () => {
  const pair = new Conversation("bob");
  const group = new Conversation("#g");
  const mine = line(5, "ada");
  pair.note("ada", { read: 9 });
  assertEquals(pair.stateOf(mine, "ada"), "Sent");
  pair.note("bob", { delivered: 5 });
  assertEquals(pair.stateOf(mine, "ada"), "Delivered");
  pair.note("bob", { read: 5 });
  assertEquals(pair.stateOf(mine, "ada"), "Read");
  for (const name of ["bob", "carl"]) group.note(name, { read: 6 });
  assertEquals(group.stateOf(mine, "ada"), "Read by 2");
});

test("whoever is not in a group any more is not among its readers", () => {
  const group = new Conversation("#g");
  for (const name of ["ada", "bob", "carl", "dan"]) group.note(name, { read: 5 });
  group.left("dan");
  assertEquals(group.stateOf(line(5, "ada"), "ada"), "Read by 2");
  group.setMembers(["ada", "carl", "eve"].map((name) => ({ name, delivered: 0, read: 0 })));
  assertEquals(group.stateOf(line(5, "ada"), "ada"), "Read by 1");
  const conversations = new Conversations();
  conversations.left("#g", "dan");
  assertEquals(conversations.list(), []);
});

test("one that is not looked at keeps its newest messages, and history has the others", () => {
  const conversation = new Conversation("bob");
  conversation.wake();
  conversation.addOlder(lookBack(conversation), linesTo(300), false);
  assertEquals([conversation.lines.length, conversation.hasOlder], [300, false]);
  conversation.rest();
  assertEquals([conversation.lines[0]?.seq, conversation.last?.seq, conversation.hasOlder], [201, 300, true]);
  for (const seq of [301, 302]) conversation.add(line(seq));
  assertEquals([conversation.lines[0]?.seq, conversation.last?.seq, conversation.hasOlder], [203, 302, true]);
});

test("one that is looked at keeps what was loaded while messages come, but never more than 5,000", () => {
  const conversation = new Conversation("bob");
  conversation.wake();
  conversation.addOlder(lookBack(conversation), linesTo(4900), false);
  for (let seq = 4901; seq <= 5000; seq++) conversation.add(line(seq));
  assertEquals([conversation.lines.length, conversation.history], [5000, "whole"]);
  for (let seq = 5001; seq <= 5100; seq++) conversation.add(line(seq));
  assertEquals([conversation.lines[0]?.seq, conversation.last?.seq], [101, 5100]);
  assertEquals([conversation.history, conversation.hasOlder], ["partial", false]);
});

test("messages that are not kept stay unread until they are read elsewhere", () => {
  const conversation = new Conversation("bob");
  for (let seq = 1; seq <= 300; seq++) conversation.add(line(seq));
  conversation.unread = 300;
  conversation.markRead(50, "ada");
  assertEquals(conversation.unread, 250);
  conversation.markRead(250, "ada");
  assertEquals(conversation.unread, 50);
});

test("what is older than messages that were forgotten meanwhile does not come before those that are here", () => {
  const conversation = new Conversation("bob");
  conversation.wake();
  conversation.add(line(51));
  const look = lookBack(conversation);
  conversation.forget();
  conversation.add(line(101));
  const next = lookBack(conversation);
  conversation.addOlder(look, linesTo(50), true);
  assertEquals([conversation.history, conversation.lines.length], ["loading", 1]);
  conversation.giveUp(look);
  assertEquals(conversation.history, "loading");
  conversation.addOlder(next, linesTo(100), false);
  assertEquals([conversation.history, conversation.lines.length], ["whole", 101]);
});

test("the peer of a conversation is the other one, the group, or oneself", () => {
  assertEquals(
    ["ada:bob", "#g", "bob:bob", "bob:carl"].map((name) => peerOf(name, "bob")),
    ["ada", "#g", "bob", "carl"],
  );
});

test("conversations that are listed take only the room that is left", () => {
  const conversations = new Conversations();
  for (let index = 0; index < 499; index++) conversations.with(`user-${index}`).unread = 1;
  assertEquals(conversations.fill(["user-0", "ann", "bob"]), false);
  assertEquals(
    [conversations.list().length, conversations.has("ann"), conversations.has("bob")],
    [500, true, false],
  );
  assertEquals(conversations.fill(["ann"]), true);
});

test("of too many conversations one without anything unread makes room", () => {
  const conversations = new Conversations();
  conversations.with("first").unread = 1;
  for (let count = 0; count < 600; count++) conversations.with(`u${count}`);
  assertEquals(conversations.list().length, 500);
  assertEquals(conversations.unread, 1);
});
