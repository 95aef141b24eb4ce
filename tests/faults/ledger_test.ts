import { assertEquals, assertThrows } from "@std/assert";
import type { ChatMessage } from "../../src/chat/mod.ts";
import { test } from "../testing.ts";
import { assertKept, Ledger, type Sight } from "./ledger.ts";

const CONVERSATION = "ada:bob";

function shown(seq: number, text: string): ChatMessage {
  return {
    inbox: seq,
    stamp: 1,
    conversation: CONVERSATION,
    seq,
    id: text,
    from: "ada",
    to: "bob",
    text,
    at: 0,
  };
}

/** Ada has sent `count` texts, all acknowledged in order, and Bob's device has shown none. */
function sent(count: number): { readonly ledger: Ledger; readonly bob: Sight } {
  const ledger = new Ledger(() => 0);
  const bob = ledger.device("bob", "phone");
  for (let seq = 1; seq <= count; seq++)
    ledger.send("ada", "bob", `${seq}`).acknowledged({ conversation: CONVERSATION, seq });
  return { ledger, bob };
}

test("the checker is content when everything acknowledged was shown once and in order", async () => {
  const { ledger, bob } = sent(3);
  for (const seq of [1, 2, 3]) bob.see(shown(seq, `${seq}`));
  await ledger.settled();
  assertKept(ledger.verdict());
  assertEquals([ledger.verdict().acknowledged, ledger.verdict().delivered], [3, 3]);
});

test("the checker finds what was acknowledged and not shown", () => {
  const { ledger, bob } = sent(2);
  bob.see(shown(1, "1"));
  assertEquals(ledger.verdict().lost.length, 1);
  assertThrows(() => assertKept(ledger.verdict()), Error, "not shown to bob/phone");
});

test("the checker finds what one device was shown twice", () => {
  const { ledger, bob } = sent(1);
  bob.see(shown(1, "1"));
  bob.see(shown(1, "1"));
  assertEquals(ledger.verdict().duplicated.length, 1);
});

test("the checker takes a message that was shown before a rollback for the one that was numbered anew after it", () => {
  const { ledger, bob } = sent(1);
  bob.see(shown(1, "1"));
  const record = ledger.send("ada", "bob", "not replicated");
  bob.see(shown(2, "not replicated"));
  ledger.send("ada", "bob", "2").acknowledged({ conversation: CONVERSATION, seq: 2 });
  record.acknowledged({ conversation: CONVERSATION, seq: 3 });
  ledger.send("ada", "bob", "4").acknowledged({ conversation: CONVERSATION, seq: 4 });
  assertEquals(ledger.verdict().false.length, 1);
  bob.resync();
  for (const seq of [2, 4]) bob.see(shown(seq, `${seq}`));
  assertEquals([ledger.verdict().false, ledger.verdict().reordered], [[], []]);
});

test("the checker finds a hole in a conversation, unless a gap said so", () => {
  const { ledger, bob } = sent(3);
  bob.see(shown(1, "1"));
  bob.see(shown(3, "3"));
  assertEquals(ledger.verdict().reordered.length, 1);
  const told = sent(3);
  told.bob.see(shown(1, "1"));
  told.bob.gap(CONVERSATION, 1);
  told.bob.see(shown(3, "3"));
  assertEquals([told.ledger.verdict().reordered.length, told.ledger.verdict().gaps], [0, 1]);
});

test("the checker finds a message that is numbered before one that its sender had sent earlier", () => {
  const ledger = new Ledger(() => 0);
  const [first, second] = ["a", "b"].map((text) => ledger.send("ada", "bob", text));
  second?.acknowledged({ conversation: CONVERSATION, seq: 1 });
  first?.acknowledged({ conversation: CONVERSATION, seq: 2 });
  assertEquals(ledger.verdict().overtaken.length, 1);
});

test("the checker finds a text that nobody sent, and a number that was not the acknowledged one", () => {
  const { ledger, bob } = sent(1);
  bob.see(shown(1, "made up"));
  bob.see(shown(2, "1"));
  assertEquals(ledger.verdict().false.length, 2);
});
