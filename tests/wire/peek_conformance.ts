import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Peek } from "../../src/wire/mod.ts";
import { test } from "../testing.ts";

/** One function that looks at the first bytes of a connection. */
export interface PeekSubject<T> {
  readonly peek: (bytes: Uint8Array) => Peek<T>;
  /** The most bytes that it looks at. */
  readonly limitBytes: number;
  /** Valid beginnings, each with what is found in it. */
  readonly samples: fc.Arbitrary<readonly [bytes: Uint8Array, value: T]>;
}

/** Text as UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes from hexadecimal digits. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );
}

/** The reason why there is none. */
export function reasonOf(peek: Peek<unknown>): string {
  return peek.state === "none" ? peek.reason : `not none but ${peek.state}`;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Valid beginnings with some of their bytes changed, and whatever follows. */
function damaged(samples: fc.Arbitrary<readonly [Uint8Array, unknown]>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
  return fc.tuple(samples, changes, fc.uint8Array()).map(([[bytes], changed, rest]) => {
    const all = concat(bytes, rest);
    for (const [at, byte] of changed) all[at % all.length] = byte;
    return all;
  });
}

/** What every peek promises. */
export function testPeek<T>(name: string, { peek, limitBytes, samples }: PeekSubject<T>): void {
  const anything = fc.oneof(fc.uint8Array(), damaged(samples));

  test(`${name} finds the same after any chunk that completes it, and nothing before`, () => {
    fc.assert(
      fc.property(samples, fc.array(fc.nat(1000)), fc.uint8Array(), ([bytes, value], cuts, rest) => {
        const whole = concat(bytes, rest);
        for (const cut of [0, bytes.length - 1, ...cuts.map((at) => at % bytes.length)])
          assertEquals(peek(whole.subarray(0, cut)), { state: "more" }, `at ${cut} of ${bytes.length}`);
        for (const seen of [bytes, whole])
          assertEquals(peek(seen), { state: "found", value, length: bytes.length });
      }),
    );
  });

  test(`${name} never throws, and more bytes never change what it has said, whatever the bytes are`, () => {
    fc.assert(
      fc.property(anything, fc.nat(), (bytes, at) => {
        const early = peek(bytes.subarray(0, at % (bytes.length + 1)));
        const late = peek(bytes);
        if (early.state === "more") return;
        assertEquals(late.state, early.state);
        if (early.state === "found") assertEquals(late, early);
      }),
      { numRuns: 500 },
    );
  });

  test(`${name} looks at no byte beyond its limit, and at its limit waits for no more`, () => {
    fc.assert(
      fc.property(anything, fc.nat(255), (start, filler) => {
        const long = new Uint8Array(limitBytes + 100).fill(filler);
        long.set(start.subarray(0, long.length));
        const limited = peek(long.subarray(0, limitBytes));
        assert(limited.state !== "more");
        assertEquals(peek(long), limited);
      }),
    );
  });

  test(`${name} reads bytes in the middle of a larger buffer, and leaves them as they were`, () => {
    fc.assert(
      fc.property(samples, fc.nat(20), ([bytes, value], offset) => {
        const buffer = concat(new Uint8Array(offset).fill(0x50), bytes, Uint8Array.of(0x50));
        const copy = buffer.slice();
        const state = peek(buffer.subarray(offset, offset + bytes.length));
        assertEquals(state, { state: "found", value, length: bytes.length });
        assertEquals(buffer, copy);
      }),
      { numRuns: 20 },
    );
  });
}
