import { assert, assertEquals } from "@std/assert";
import { messageLine, messageTail, randomStamp, readHint } from "../../../src/chat/store/mod.ts";
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

test("readHint() reads the head of a message and of a gap, and what is behind its line", () => {
  const read = (line: string): unknown => {
    const entry = readHint(encoder.encode(line));
    return (
      entry && [entry.inbox, entry.stamp, new TextDecoder().decode(entry.line), entry.epoch, entry.before]
    );
  };
  const line = messageLine(1_234_567_890, 281_474_976_710_655, 1, messageTail(outgoing()));
  assertEquals(read(line), [1_234_567_890, 281_474_976_710_655, line, undefined, undefined]);
  assertEquals(read(`${line}0123456789abcdef 281474976710654`), [
    1_234_567_890,
    281_474_976_710_655,
    line,
    "0123456789abcdef",
    281_474_976_710_654,
  ]);
  const gap = '{"type":"gap","inbox":12,"stamp":1}\n';
  assertEquals(read(`${gap}e 0`), [12, 1, gap, "e", 0]);
  assertEquals(read('{"type":"presence","name":"ann"}\n'), undefined);
  assertEquals([read(""), read("{"), read('{"type":"message","in')], [undefined, undefined, undefined]);
});

test("randomStamp() gives whole numbers of 48 bits that do not repeat", () => {
  const stamps = Array.from({ length: 2000 }, () => randomStamp());
  assert(stamps.every((stamp) => Number.isSafeInteger(stamp) && stamp >= 0 && stamp < 2 ** 48));
  assertEquals(new Set(stamps).size, 2000);
  assert(Math.max(...stamps) > 2 ** 47, "the upper half is never used");
});
