import { assertEquals } from "@std/assert";
import { KnownHistory } from "../../../src/chat/delivery/known_history.ts";
import { test } from "../../testing.ts";

const entry = (inbox: number, stamp: number) => ({
  inbox,
  stamp,
  seq: inbox,
  conversation: "a:b",
  from: "a",
});

test("what is sent under the number of the newest known entry with another stamp is of another history, and is not known", () => {
  const history = new KnownHistory({ epoch: "e", top: 3, stamp: 33 });
  assertEquals([history.sent(entry(2, 2)), history.sent(entry(3, 3))], [false, true]);
  assertEquals(history.newest, { inbox: 3, stamp: 33 });
});

test("what is sent goes on from the newest known entry", () => {
  const history = new KnownHistory({ epoch: "e", top: 3, stamp: 33 });
  assertEquals([history.sent(entry(3, 33)), history.sent(entry(4, 44))], [false, false]);
  assertEquals(history.newest, { inbox: 4, stamp: 44 });
});

test("a hint of what was there before, or once more, may be of another history; one of what is new is not", () => {
  const history = new KnownHistory({ epoch: "e", top: 3, stamp: 33 });
  assertEquals([history.hint(entry(3, 33)), history.hint(entry(4, 44))], [false, false]);
  assertEquals([history.hint(entry(4, 44)), history.hint(entry(2, 22))], [true, true]);
  history.begin({ epoch: "f", top: 1, stamp: 11 });
  history.forgetHints();
  assertEquals(history.hint({ ...entry(2, 22), epoch: "f" }), false);
  assertEquals(history.hint({ ...entry(3, 33), epoch: "e" }), true);
});
