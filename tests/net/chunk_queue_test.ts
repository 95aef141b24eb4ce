import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ChunkQueue } from "../../src/net/chunk_queue.ts";
import { test } from "../testing.ts";

const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 });
const limit = fc.integer({ min: 1, max: 100 });

test("ChunkQueue gives the bytes that went in, in order, however they are taken", () => {
  fc.assert(
    fc.property(chunks, limit, limit, fc.array(limit), (pushed, maxBytes, joinBytes, steps) => {
      const queue = new ChunkQueue();
      for (const chunk of pushed) queue.push(chunk);
      const taken: Uint8Array[] = [];
      for (let step = 0; queue.bytes > 0; step++) {
        const front = queue.peek(maxBytes, joinBytes);
        assert(front.length > 0 && front.length <= Math.max(maxBytes, joinBytes));
        const part = front.subarray(0, Math.min(front.length, steps[step % steps.length] ?? front.length));
        taken.push(part);
        queue.drop(part.length);
      }
      assertEquals(Buffer.concat(taken).toString("hex"), Buffer.concat(pushed).toString("hex"));
    }),
  );
});

test("ChunkQueue joins small chunks and does not copy large ones", () => {
  const queue = new ChunkQueue();
  const large = new Uint8Array(1000);
  for (let index = 0; index < 5; index++) queue.push(new Uint8Array([index]));
  queue.push(large);
  assertEquals([...queue.peek(Number.POSITIVE_INFINITY, 4)], [0, 1, 2, 3]);
  queue.drop(5);
  assert(queue.peek(Number.POSITIVE_INFINITY, 4) === large);
});

test("ChunkQueue takes 200,000 chunks one by one without moving the rest each time", () => {
  const queue = new ChunkQueue();
  const chunk = new Uint8Array(10);
  for (let index = 0; index < 200_000; index++) queue.push(chunk);
  for (let index = 0; index < 200_000; index++) queue.drop(queue.peek(10).length);
  assertEquals([queue.bytes, queue.peek(10).length], [0, 0]);
});

test("ChunkQueue is empty after clear()", () => {
  const queue = new ChunkQueue();
  queue.push(new Uint8Array(10));
  queue.drop(3);
  queue.clear();
  assertEquals([queue.bytes, queue.peek(10).length], [0, 0]);
  queue.push(new Uint8Array([7]));
  assertEquals([...queue.peek(10)], [7]);
});
