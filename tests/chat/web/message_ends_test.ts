import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MessageEnds } from "../../../src/chat/web/message_ends.ts";
import { test } from "../../testing.ts";
import { frameOf } from "./hand_socket.ts";

const CONTINUATION = 0;
const PING = 9;

const payload = fc.oneof(
  { weight: 5, arbitrary: fc.nat(300) },
  fc.constantFrom(0, 125, 126, 65_535, 65_536, 70_000),
);
/** One message in one or more frames, with pings before them. */
const message = fc.record({
  opcode: fc.constantFrom(1, 2),
  pieces: fc.array(fc.record({ pings: fc.nat(2), length: payload }), { minLength: 1, maxLength: 4 }),
});
type Messages = readonly (typeof message extends fc.Arbitrary<infer M> ? M : never)[];

function framesOf(messages: Messages): { readonly bytes: Buffer; readonly ends: readonly number[] } {
  const frames: Buffer[] = [];
  const ends: number[] = [];
  let at = 0;
  const add = (frame: Buffer): void => {
    frames.push(frame);
    at += frame.length;
  };
  for (const { opcode, pieces } of messages) {
    for (const [index, { pings, length }] of pieces.entries()) {
      for (let count = 0; count < pings; count++) add(frameOf(PING, Buffer.alloc(3, 0x81)));
      const isLast = index === pieces.length - 1;
      add(frameOf(index === 0 ? opcode : CONTINUATION, Buffer.alloc(length, 0x81), isLast));
    }
    ends.push(at);
  }
  return { bytes: Buffer.concat(frames), ends };
}

test("the ends of messages are found, in however many frames and chunks they come, between pings", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
      (messages, sizes) => {
        const { bytes, ends } = framesOf(messages);
        const found = new MessageEnds();
        for (let at = 0, count = 0; at < bytes.length; count++) {
          const size = sizes[count % sizes.length] ?? 1;
          found.read(bytes.subarray(at, at + size));
          at += size;
        }
        assertEquals(
          ends.map(() => found.next()),
          [...ends],
        );
        assertEquals(found.next(), undefined);
      },
    ),
  );
});

test("a head that comes byte by byte is one head, and a message has not ended before its last byte has come", () => {
  const frame = frameOf(1, Buffer.alloc(200, 0x81));
  const found = new MessageEnds();
  for (const byte of frame.subarray(0, -1)) found.read(Uint8Array.of(byte));
  assertEquals(found.next(), undefined);
  found.read(frame.subarray(-1));
  assertEquals(found.next(), frame.length);
});
