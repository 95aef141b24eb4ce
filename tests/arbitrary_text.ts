/**
 * Text of which anything may come.
 *
 * @module
 */
import fc from "fast-check";

const SURROGATES = { first: 0xd8_00, count: 0x8_00 } as const;

/**
 * Any character of Unicode, for `fc.string({ unit })`: what fast-check calls `"binary"`, without its table of all of them, which takes a
 * second of the processor in each file.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0x10_ff_ff - SURROGATES.count }))
  .map((rank) => String.fromCodePoint(rank < SURROGATES.first ? rank : rank + SURROGATES.count));
