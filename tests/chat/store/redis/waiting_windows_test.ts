import { assert, assertEquals } from "@std/assert";
import {
  type Appended,
  MAX_WINDOWS,
  type VersionedWindow,
  WaitingWindows,
} from "../../../../src/chat/store/redis/waiting_windows.ts";
import { test } from "../../../testing.ts";

/** A message that fills a window. */
function large(seq: number): Appended {
  return { ...small(seq), tail: "x".repeat(256 * 1024) };
}

function small(seq: number): Appended {
  return {
    conversation: "#g",
    seq,
    before: `${seq - 1}`,
    stamp: `${seq}`,
    from: "ann",
    tail: "",
    version: seq,
  };
}

function seqsOf(window: VersionedWindow | undefined): readonly number[] {
  return window?.entries.map(({ last }) => last) ?? [];
}

test("messages that follow each other share a window, which has the version of the last one", () => {
  const windows = new WaitingWindows();
  for (const seq of [1, 2, 3, 5]) windows.add(small(seq));
  const first = windows.take();
  assertEquals(seqsOf(first), [1, 2, 3]);
  assertEquals([first?.before, first?.version], [0, 3]);
  assertEquals(seqsOf(windows.take()), [5]);
  assertEquals(windows.take(), undefined);
});

test("windows that wait are never more than allowed, and the newest message is always among them", () => {
  const windows = new WaitingWindows();
  for (let seq = 1; seq <= 3 * MAX_WINDOWS; seq++) {
    windows.add(large(seq));
    assert(windows.size <= MAX_WINDOWS, `${windows.size} windows wait`);
  }
  let last: readonly number[] = [];
  for (let window = windows.take(); window; window = windows.take()) last = seqsOf(window);
  assertEquals(last, [3 * MAX_WINDOWS]);
});

test("windows are whole until one is dropped because there is no room", () => {
  const windows = new WaitingWindows();
  for (let seq = 1; seq <= MAX_WINDOWS; seq++) windows.add(large(seq));
  assertEquals([windows.size, windows.isWhole], [MAX_WINDOWS, true]);
  windows.add(large(MAX_WINDOWS + 1));
  assertEquals([windows.size, windows.isWhole], [1, false]);
  assertEquals(windows.take()?.before, MAX_WINDOWS);
});
