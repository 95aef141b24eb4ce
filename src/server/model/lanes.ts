import type { Readable, Writable } from "node:stream";
import type { Channel } from "../channel.ts";
import type { ThreadChannel } from "../thread.ts";
import type { Lane, Word } from "./lane.ts";

const WORDS = "word";
const BYTES = "bytes";

/** Carries bytes by standard streams, and words by the channel between the processes. */
export function pipeLane(channel: Channel, bytesIn: Readable, bytesOut: Writable): Lane {
  // Broken with the other process: the channel says so.
  bytesOut.on("error", () => undefined);
  return {
    sendBytes: (bytes) => void bytesOut.write(bytes),
    tell: (word) => void channel.send(WORDS, word),
    listen(events) {
      bytesIn.on("data", (chunk: Uint8Array) => events.bytes(chunk));
      channel.on(WORDS, (word) => events.word(word as Word));
      void channel.closed.then(() => events.broken());
      // On Deno the channel does not always say that the other process was killed; its pipe ends for certain.
      bytesIn.on("close", () => events.broken());
    },
  };
}

/** Carries bytes as buffers that change threads, and words as messages. */
export function threadLane(channel: ThreadChannel): Lane {
  return {
    sendBytes: (bytes) => channel.sendBytes(BYTES, bytes),
    tell: (word) => void channel.send(WORDS, word),
    listen(events) {
      channel.on(BYTES, (bytes) => events.bytes(bytes as Uint8Array));
      channel.on(WORDS, (word) => events.word(word as Word));
      void channel.closed.then(() => events.broken());
    },
  };
}
