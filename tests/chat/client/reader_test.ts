import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type ChatMessage, Reader } from "../../../src/chat/client/reader.ts";
import { test } from "../../testing.ts";

/** Entry `inbox` of some inbox. */
function entry(inbox: number): ChatMessage {
  const rest = { conversation: "ada:bob", seq: inbox, id: "i", from: "ada", to: "bob", text: "x", at: 0 };
  return { inbox, stamp: inbox * 7, ...rest };
}

/** What is to become of entry `inbox` where `next` is to come. */
function verdictOf(inbox: number, next: number): "new" | "seen" | "gap" {
  if (inbox === next) return "new";
  return inbox < next ? "seen" : "gap";
}

test("a reader shows every entry once and in order, however often and in whatever order they come", () => {
  const inboxes = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.nat(5), inboxes, (from, came) => {
      const reader = new Reader({ epoch: "e", inbox: from, stamp: from * 7 });
      let next = from + 1;
      for (const inbox of came) {
        const verdict = verdictOf(inbox, next);
        assertEquals(reader.take(entry(inbox)), verdict);
        if (verdict === "new") next += 1;
        assertEquals(reader.cursor, { epoch: "e", inbox: next - 1, stamp: (next - 1) * 7 });
        assertEquals(reader.seen, reader.cursor);
      }
    }),
  );
});

test("a reader that does not know its place takes it from the first entry that comes", () => {
  const reader = new Reader(undefined);
  assertEquals([reader.cursor, reader.seen], [undefined, undefined]);
  assertEquals(
    [7, 6, 7, 9, 8].map((inbox) => reader.take(entry(inbox))),
    ["new", "seen", "seen", "gap", "new"],
  );
});

test("a login in the same epoch keeps the place, and one in another forgets it", () => {
  const reader = new Reader({ epoch: "e1", inbox: 5, stamp: 35 });
  reader.enter("e1");
  assertEquals(reader.cursor, { epoch: "e1", inbox: 5, stamp: 35 });
  reader.enter("e2");
  assertEquals([reader.cursor, reader.seen], [undefined, undefined]);
  assertEquals(reader.take(entry(2)), "new");
  assertEquals(reader.cursor, { epoch: "e2", inbox: 2, stamp: 14 });
});

test("what was shown before a login in another epoch is a repeat", () => {
  const reader = new Reader(undefined);
  reader.enter("e1");
  const shown = { ...entry(1), id: "other" };
  assertEquals([reader.take(entry(1)), reader.take({ ...shown, inbox: 2 })], ["new", "new"]);
  reader.enter("e2");
  assertEquals([reader.take(shown), reader.take({ ...entry(2), text: "y" })], ["repeat", "new"]);
});

test("after a resync the place is the server's, without a cursor until the next entry", () => {
  const reader = new Reader({ epoch: "e1", inbox: 5, stamp: 35 });
  reader.resync("e2", 2, "trimmed");
  assertEquals([reader.cursor, reader.seen], [undefined, { epoch: "e2", inbox: 2, stamp: undefined }]);
  assertEquals([reader.take(entry(2)), reader.take(entry(4)), reader.take(entry(3))], ["seen", "gap", "new"]);
  assertEquals(reader.cursor, { epoch: "e2", inbox: 3, stamp: 21 });
});

/** Message number `seq` of a conversation at a place of the inbox. */
function messageAt(inbox: number, seq: number, more: Partial<ChatMessage> = {}): ChatMessage {
  return { ...entry(inbox), seq, id: `m${seq}`, text: `text ${seq}`, ...more };
}

test("after a rollback what was shown before is a repeat, also at another place or under another number, and what is new is new", () => {
  const reader = new Reader(undefined);
  for (let inbox = 1; inbox <= 9; inbox++) assertEquals(reader.take(messageAt(inbox, inbox)), "new");
  reader.resync("e2", 5, "rollback");
  const taken = [
    messageAt(6, 6),
    messageAt(7, 7, { at: 9 }),
    messageAt(8, 8, { id: "m9", text: "text 9" }),
    messageAt(9, 9, { id: "new" }),
    messageAt(10, 10),
  ].map((message) => reader.take(message));
  assertEquals(taken, ["repeat", "repeat", "repeat", "new", "new"]);
  assertEquals(reader.cursor?.inbox, 10);
});

test("without a rollback the same id and text are another message", () => {
  const reader = new Reader(undefined);
  reader.take(messageAt(1, 1, { id: "1", text: "hi" }));
  assertEquals(reader.take(messageAt(2, 2, { id: "1", text: "hi" })), "new");
  reader.resync("e1", 4, "trimmed");
  assertEquals(reader.take(messageAt(5, 5, { id: "1", text: "hi" })), "new");
});

test("a reader tells messages apart by conversation, sender, id and text, wherever one ends and the next begins", () => {
  const parts = fc.tuple(...Array.from({ length: 4 }, () => fc.string({ maxLength: 3 })));
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      const messageOf = (inbox: number, [conversation = "", from = "", id = "", text = ""]: string[]) =>
        messageAt(inbox, inbox, { conversation, from, id, text });
      const reader = new Reader(undefined);
      reader.take(messageOf(1, one));
      reader.resync("e2", 0, "rollback");
      const isSame = one.every((part, index) => part === other[index]);
      assertEquals(reader.take(messageOf(1, other)), isSame ? "repeat" : "new");
    }),
  );
});

test("a reader remembers the last 4,096 messages, and at most twice as many", () => {
  for (const count of [5000, 8191, 8192, 20_000]) {
    const reader = new Reader(undefined);
    for (let inbox = 1; inbox <= count; inbox++) reader.take(messageAt(inbox, inbox));
    reader.resync("e2", 0, "rollback");
    assertEquals(reader.take(messageAt(1, count)), "repeat");
    assertEquals(reader.take(messageAt(2, count - 4094)), "repeat");
    if (count > 8192) assertEquals(reader.take(messageAt(3, count - 8192)), "new");
  }
});

test("a reader never takes one of 20,000 new messages for a repeat, and knows each of them again", () => {
  const reader = new Reader(undefined);
  for (let seq = 1; seq <= 4096; seq++) reader.take(messageAt(seq, seq));
  reader.resync("e2", 0, "rollback");
  let place = 0;
  const take = (seq: number) => {
    place += 1;
    return reader.take(messageAt(place, seq));
  };
  for (let seq = 10_000; seq < 30_000; seq++) {
    assertEquals(take(seq), "new");
    assertEquals(take(seq), "repeat");
  }
});

test("a reader remembers at least 4 Mi units of long texts, and less than twice as many and one", () => {
  const reader = new Reader(undefined);
  const text = "x".repeat(32_768);
  for (let inbox = 1; inbox <= 300; inbox++) reader.take(messageAt(inbox, inbox, { text }));
  reader.resync("e2", 0, "rollback");
  assertEquals(reader.take(messageAt(1, 300, { text })), "repeat");
  assertEquals(reader.take(messageAt(2, 174, { text })), "repeat");
  assertEquals(reader.take(messageAt(3, 43, { text })), "new");
});
