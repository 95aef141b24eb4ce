/** Bytes that may be on their way in one direction: what a pipe holds at least, so that writing to one never blocks a process. */
export const WINDOW_BYTES: number = 64 * 1024;

/**
 * What the two ends of a relay tell each other beside the bytes. `taken`: so many more bytes were taken. `ended`: that is all, and
 * it was so many bytes. `reset`: it is over.
 */
export type Word = { readonly taken: number } | { readonly ended: number } | { readonly reset: true };

/** A way to another thread or process that carries the bytes of one connection in order, and words in order. */
export interface Lane {
  sendBytes(bytes: Uint8Array): void;
  tell(word: Word): void;
  /** Says who gets what comes. Once. */
  listen(events: LaneEvents): void;
}

/** What comes by a {@linkcode Lane}. */
export interface LaneEvents {
  bytes(chunk: Uint8Array): void;
  word(word: Word): void;
  /** The other end is gone. */
  broken(): void;
}
