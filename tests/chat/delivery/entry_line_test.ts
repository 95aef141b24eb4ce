import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readEntryLine } from "../../../src/chat/delivery/entry_line.ts";
import { messageLine, messageTail } from "../../../src/chat/store/mod.ts";
import { anyCharacter } from "../../arbitrary_text.ts";
import { test } from "../../testing.ts";

const names = fc.stringMatching(/^[a-z0-9._-]{1,32}$/);
const counts = fc.integer({ min: 1, max: 2 ** 48 - 1 });

test("readEntryLine() reads the head of every message that a store writes, whatever its id and text", () => {
  const anything = fc.oneof(
    fc.string({ unit: anyCharacter, minLength: 1, maxLength: 64 }),
    fc.constantFrom(',"from":"eve","', '\\",\\"from\\":\\"', '"', "\\", "\0", "\ud83d\ude00"),
  );
  fc.assert(
    fc.property(
      counts,
      counts,
      counts,
      names,
      names,
      anything,
      anything,
      (inbox, stamp, seq, from, to, id, text) => {
        const conversation = `${from}:${to}`;
        const tail = messageTail({ conversation, device: "d", id, from, to, text, at: 5 });
        const line = Buffer.from(messageLine(inbox, stamp, seq, tail));
        assertEquals<unknown>({ ...readEntryLine(line) }, { seq, conversation, from });
      },
    ),
    { numRuns: 100 },
  );
});

test("readEntryLine() reads a gap, which is from nobody, and a view into a larger chunk", () => {
  const line = '{"type":"gap","inbox":7,"stamp":8,"seq":9,"conversation":"#crew","missing":3}\n';
  const chunk = Buffer.from(`before${line}after`);
  const head = readEntryLine(chunk.subarray(6, 6 + line.length));
  assertEquals<unknown>({ ...head }, { seq: 9, conversation: "#crew", from: "" });
});

test("readEntryLine() finds nothing in other frames, and never throws on any bytes", () => {
  assertEquals(readEntryLine(Buffer.from('{"type":"signal","from":"ada","to":"bob","data":1}\n')), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => readEntryLine(bytes) === undefined));
});
