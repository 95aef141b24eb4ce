import { assertEquals } from "@std/assert";
import { ManualClock, withDeadline } from "../../src/async/mod.ts";
import { bunDriver, type NetError, openHandles } from "../../src/net/mod.ts";
import { RUNTIME, test } from "../testing.ts";
import { hangingListener } from "./hanging.ts";
import { DEADLINE_MS, Recorder } from "./recording.ts";

const skip = RUNTIME === "bun" ? undefined : "the driver exists on Bun only";

test("bun driver: a dial that opens after its deadline counts until then, and is aborted at once", {
  skip,
}, async () => {
  const clock = new ManualClock();
  await using hanging = await hangingListener();
  const recorder = new Recorder();
  const dialing = bunDriver({ clock })
    .connect(hanging.address, recorder, { timeoutMs: 100 })
    .catch((error: NetError) => error.code);
  clock.advance(100);
  assertEquals(await dialing, "timeout");
  assertEquals(openHandles(), 1);
  hanging.release();
  await withDeadline(hanging.left, DEADLINE_MS, "see the late connection aborted");
  assertEquals([openHandles(), recorder.events], [0, []]);
});
