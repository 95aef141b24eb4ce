import { assert, assertEquals } from "@std/assert";
import { inboxOfLine, messageLine, messageTail, randomStamp } from "../../../src/chat/store/mod.ts";
import { test } from "../../testing.ts";
import { outgoing } from "./store_steps.ts";

const encoder = new TextEncoder();

test("messageLine() is a message frame on one line, whatever the text", () => {
  const message = outgoing({ text: 'a\n"b"\0' });
  const line = messageLine(7, 9, 3, messageTail(message));
  assertEquals(line.indexOf("\n"), line.length - 1);
  const { conversation, id, from, to, text, at } = message;
  const frame = { type: "message", inbox: 7, stamp: 9, seq: 3, conversation, id, from, to, text, at };
  assertEquals(JSON.parse(line), frame);
});

test("inboxOfLine() reads the number of a message and of a gap, and of nothing else", () => {
  const read = (line: string): number | undefined => inboxOfLine(encoder.encode(line));
  assertEquals(read(messageLine(1_234_567_890, 1, 1, messageTail(outgoing()))), 1_234_567_890);
  assertEquals(read('{"type":"gap","inbox":12,"stamp":1}\n'), 12);
  assertEquals(read('{"type":"presence","name":"ann"}\n'), undefined);
  assertEquals([read(""), read("{"), read('{"type":"message","in')], [undefined, undefined, undefined]);
});

test("randomStamp() gives whole numbers of 48 bits that do not repeat", () => {
  const stamps = Array.from({ length: 2000 }, () => randomStamp());
  assert(stamps.every((stamp) => Number.isSafeInteger(stamp) && stamp >= 0 && stamp < 2 ** 48));
  assertEquals(new Set(stamps).size, 2000);
  assert(Math.max(...stamps) > 2 ** 47, "the upper half is never used");
});
