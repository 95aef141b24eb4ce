import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { carriedConnection } from "../../src/net/mod.ts";
import { type Lane, type LaneEvents, WINDOW_BYTES, type Word } from "../../src/server/model/lane.ts";
import { Relay } from "../../src/server/model/relay.ts";
import { patternAt, Recorder, type Side, sendPattern } from "../net/recording.ts";
import { test } from "../testing.ts";

const ENDS = { remote: { host: "10.0.0.1", port: 1 }, local: { host: "10.0.0.2", port: 2 } };

/** A lane whose bytes and words go different ways: either may overtake the other, as with a pipe beside a channel. */
class Way implements Lane {
  readonly #slow: "bytes" | "words";
  #other: LaneEvents | undefined;
  #onTheirWay = 0;
  /** The way from where this one goes to. */
  back: Way | undefined;
  /** The most bytes that were sent and had not been taken. */
  most = 0;

  constructor(slow: "bytes" | "words") {
    this.#slow = slow;
  }

  arriveAt(other: LaneEvents): void {
    this.#other = other;
  }

  sendBytes(bytes: Uint8Array): void {
    this.#onTheirWay += bytes.length;
    this.most = Math.max(this.most, this.#onTheirWay);
    later(this.#slow === "bytes" ? 3 : 1, () => this.#other?.bytes(bytes));
  }

  tell(word: Word): void {
    if ("taken" in word) this.back?.arrived(word.taken);
    later(this.#slow === "words" ? 3 : 1, () => this.#other?.word(word));
  }

  arrived(bytes: number): void {
    this.#onTheirWay -= bytes;
  }

  listen(): void {
    // Both ends are joined by the test.
  }
}

function later(turns: number, work: () => void): void {
  setImmediate(() => (turns === 1 ? work() : later(turns - 1, work)));
}

/** Two connections, each other's peers, over relays. */
function pair(slow: "bytes" | "words") {
  const ways = [new Way(slow), new Way(slow)] as const;
  const relays = ways.map((way) => new Relay(way, ENDS));
  const [one, other] = relays.map((relay): Side => {
    const recorder = new Recorder();
    return { recorder, connection: carriedConnection(relay, () => recorder) };
  });
  assert(one && other && relays[0] && relays[1]);
  ways[0].back = ways[1];
  ways[1].back = ways[0];
  ways[0].arriveAt(relays[1]);
  ways[1].arriveAt(relays[0]);
  return { one, other, ways };
}

for (const slow of ["bytes", "words"] as const) {
  test(`a relay carries any bytes in any chunks, and both ends, when ${slow} are late`, async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 100_000 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(chunks, chunks, async (there, back) => {
        const { one, other } = pair(slow);
        for (const chunk of there) one.connection.write(chunk);
        one.connection.end();
        await other.recorder.ended;
        for (const chunk of back) other.connection.write(chunk);
        other.connection.end();
        const closed = await Promise.all([one.recorder.closed, other.recorder.closed]);
        assertEquals(
          closed.map(({ reason }) => reason),
          ["finished", "finished"],
        );
        assertEquals(Buffer.compare(Buffer.concat(there), Buffer.concat(other.recorder.chunks)), 0);
        assertEquals(Buffer.compare(Buffer.concat(back), Buffer.concat(one.recorder.chunks)), 0);
      }),
      { numRuns: 30 },
    );
  });
}

test("a relay has no more than its window on the way to a reader that does not read, and says when there is room", async () => {
  const { one, other, ways } = pair("words");
  other.connection.pause();
  sendPattern(one, 1_000_000, 10_000);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assertEquals([ways[0].most, other.recorder.bytes], [WINDOW_BYTES, 0]);
  assert(one.connection.bytesWritten < WINDOW_BYTES + 20_000, `${one.connection.bytesWritten} were taken`);
  other.connection.resume();
  await other.recorder.received(1_000_000);
  other.connection.end();
  assertEquals((await one.recorder.closed).reason, "finished");
});

test("a reset goes through a relay as one, and drops what waits", async () => {
  const { one, other } = pair("bytes");
  one.connection.write(patternAt(0, 500_000));
  one.connection.abort();
  assertEquals((await one.recorder.closed).reason, "aborted");
  assertEquals((await other.recorder.closed).reason, "reset");
});
