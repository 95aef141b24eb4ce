import { assert, assertEquals } from "@std/assert";
import { Unacknowledged } from "../../../src/chat/delivery/unacknowledged.ts";
import { test } from "../../testing.ts";

const head = (conversation: string, seq: number, from = "ada") => ({ seq, conversation, from });

test("an acknowledgement says the newest seq of each conversation up to it, once", () => {
  const sent = new Unacknowledged("bob");
  sent.add(1, head("ada:bob", 1));
  sent.add(2, head("#crew", 5));
  sent.add(3, head("ada:bob", 2));
  sent.add(4, head("ada:bob", 3));
  assertEquals(sent.take(3), [
    { conversation: "ada:bob", seq: 2 },
    { conversation: "#crew", seq: 5 },
  ]);
  assertEquals(sent.take(3), []);
  assertEquals(sent.take(9), [{ conversation: "ada:bob", seq: 3 }]);
});

test("what the user has sent themselves, and what was lost, is not said to be delivered", () => {
  const sent = new Unacknowledged("bob");
  sent.add(1, head("ada:bob", 1, "bob"));
  sent.add(2, head("ada:bob", 2, ""));
  assertEquals(sent.take(2), []);
});

test("a client that never acknowledges costs a bounded number of entries, and of each conversation the newest stays", () => {
  const sent = new Unacknowledged("bob");
  for (let inbox = 1; inbox <= 10_000; inbox++) {
    const isCarl = inbox === 9000;
    sent.add(inbox, head(isCarl ? "bob:carl" : "ada:bob", inbox));
  }
  const reached = sent.take(10_000);
  assertEquals(reached.find(({ conversation }) => conversation === "ada:bob")?.seq, 10_000);
  assertEquals(reached.find(({ conversation }) => conversation === "bob:carl")?.seq, 9000);
  for (let inbox = 1; inbox <= 10_000; inbox++) sent.add(inbox, head(`bob:u${inbox}`, 1));
  assert(sent.take(10_000).length <= 256, "what is held was to be bounded");
});
