/** The most bytes that a peek into a client's first bytes looks at. */
export const MAX_PEEK_BYTES = 16_384;

/**
 * What the first bytes of a connection say so far.
 *
 * - `more`: nothing yet; ask again when there are more.
 * - `found`: `value`, in the first `length` bytes. More bytes change nothing.
 * - `none`: it is not there and will not come; `reason` is a clause that says what was found and what is allowed.
 *
 * Every function that gives this is pure, takes all bytes since the connection began, never throws whatever they are, looks at no
 * byte beyond its limit, and at its limit no longer answers `more`. It takes time in proportion to the bytes, each time it is asked.
 */
export type Peek<T> =
  | { readonly state: "more" }
  | { readonly state: "found"; readonly value: T; readonly length: number }
  | { readonly state: "none"; readonly reason: string };

/** Nothing can be said yet. */
export const MORE: { readonly state: "more" } = Object.freeze({ state: "more" });

/** It is there. */
export function found<T>(value: T, length: number): Peek<T> {
  return { state: "found", value, length };
}

/** It is not there. */
export function none(reason: string): { readonly state: "none"; readonly reason: string } {
  return { state: "none", reason };
}

/** What may be looked at of the bytes so far. */
export function peekable(bytes: Uint8Array, limit: number = MAX_PEEK_BYTES): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, limit));
}

/** More is wanted, unless the limit is reached. */
export function unfinished(view: Uint8Array, limit: number = MAX_PEEK_BYTES): Peek<never> {
  return view.length < limit ? MORE : none(`it does not end within ${limit} bytes`);
}

/** A byte as people write it: `0x16`. */
export function hexOf(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, "0")}`;
}
