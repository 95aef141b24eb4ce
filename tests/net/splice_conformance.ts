import { setImmediate } from "node:timers";
import { assert, assertEquals } from "@std/assert";
import { ManualClock, withDeadline } from "../../src/async/mod.ts";
import {
  CLOSE_TIMEOUT_MS,
  type Connection,
  openHandles,
  type SpliceOptions,
  splice,
} from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import { RESETS } from "./break_conformance.ts";
import { LARGE_ANSWER } from "./end_conformance.ts";
import {
  checkPattern,
  connectionPair,
  PatternChecker,
  patternAt,
  Recorder,
  sendPattern,
} from "./recording.ts";
import { type Spliced, spliced } from "./spliced.ts";
import type { Subject } from "./subject.ts";

const MIB = 1024 * 1024;

/** The names of tests that some drivers have a gap for. */
const RESET_OF_CLIENT = "passes a reset of the client on";
const RESET_OF_BACKEND = "passes a reset of the backend on, although the client has ended";
const BEFORE = "knows of what happened to its connections before";
const SLOW_READER = "gives a slow reader an hour, although one side has ended";

function slowly(connection: Connection): void {
  connection.pause();
  setImmediate(() => connection.resume());
}

/** Waits until something has begun and then stands still. */
async function untilStill(look: () => number): Promise<void> {
  for (let still = 0, last = 0; still < 5; last = look()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    still = look() > 0 && look() === last ? still + 1 : 0;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

type Promised = (
  name: string,
  body: (make: (options?: SpliceOptions) => Promise<Spliced>) => Promise<void>,
) => void;

/** What a splice promises between a connection of one driver and one of another. */
export function testSplice(front: Subject, back: Subject): void {
  const gaps: Readonly<Record<string, string | undefined>> = {
    [RESET_OF_CLIENT]: front.gaps[RESETS] ?? back.gaps[RESETS],
    [RESET_OF_BACKEND]: front.gaps[RESETS] ?? back.gaps[RESETS],
    [BEFORE]: front.gaps[RESETS],
    [SLOW_READER]: front.gaps[LARGE_ANSWER] ?? back.gaps[LARGE_ANSWER],
  };
  const promise: Promised = (name, body) =>
    test(`splice() of ${front.name} and ${back.name}: ${name}`, { skip: gaps[name] }, () =>
      body((options) => spliced(front.make().driver, back.make().driver, options)),
    );
  testCopying(promise);
  testBreaking(promise, back);
  testFinishedBefore(promise, back);
  testTimeouts(promise);
}

function testCopying(promise: Promised): void {
  promise("carries 16 MiB each way through slow readers, byte for byte", async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    checkPattern(client, slowly);
    checkPattern(backend, slowly);
    sendPattern(client, 16 * MIB);
    sendPattern(backend, 16 * MIB);
    const result = await middle.splice.closed;
    assertEquals([result.reason, result.side], ["finished", undefined]);
    assertEquals([result.bytesFromA, result.bytesFromB], [16 * MIB, 16 * MIB]);
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals((await backend.recorder.closed).reason, "finished");
    assertEquals([client.recorder.bytes, backend.recorder.bytes], [16 * MIB, 16 * MIB]);
  });

  promise(
    "leaves what it had read to a handler that takes a connection over, for as long as that wants it",
    async (make) => {
      // Its timer would go on for an hour: the splice does not hear of the end.
      await using middle = await make({ clock: new ManualClock() });
      const { client, backend, b } = middle;
      sendPattern(backend, MIB, undefined, "stays");
      await client.recorder.received(MIB);
      const keeper = new Recorder();
      b.handle(keeper);
      middle.isTakenOver = true;
      sendPattern(backend, 4 * MIB, undefined, "stays");
      await keeper.received(4 * MIB);
      const checker = new PatternChecker();
      for (const chunk of keeper.chunks) checker.check(chunk);
    },
  );

  promise("delivers an answer sent after the client has ended", async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    sendPattern(client, 100);
    await backend.recorder.ended;
    assertEquals(backend.recorder.bytes, 100);
    sendPattern(backend, MIB);
    assertEquals((await middle.splice.closed).reason, "finished");
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals(client.recorder.bytes, MIB);
  });

  promise("delivers a request sent after the backend has ended", async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    sendPattern(backend, 100);
    await client.recorder.ended;
    sendPattern(client, MIB);
    assertEquals((await middle.splice.closed).reason, "finished");
    await backend.recorder.ended;
    assertEquals(backend.recorder.bytes, MIB);
  });

  promise("reads no more than a backend takes", async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    backend.connection.pause();
    sendPattern(client, 64 * MIB);
    await turns(200);
    assert(middle.splice.bytesFromA < 32 * MIB);
    assert(middle.b.queuedBytes < MIB);
    backend.connection.resume();
    await backend.recorder.received(64 * MIB);
  });
}

function testBreaking(promise: Promised, back: Subject): void {
  promise(RESET_OF_CLIENT, async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    client.connection.write(patternAt(0, 10));
    await backend.recorder.received(10);
    client.connection.abort();
    assertEquals((await backend.recorder.closed).reason, "reset");
    const { reason, side, error, bytesFromA } = await middle.splice.closed;
    assertEquals([reason, side, error?.name, bytesFromA], ["reset", "a", "NetError", 10]);
  });

  promise(RESET_OF_BACKEND, async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    client.connection.end();
    await backend.recorder.ended;
    backend.connection.abort();
    assertEquals((await client.recorder.closed).reason, "reset");
    const { reason, side } = await middle.splice.closed;
    assertEquals([reason, side], ["reset", "b"]);
  });

  promise("closes both when one is closed, and loses nothing", async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    for (const { recorder } of [client, backend]) recorder.onEnd = (connection) => connection.end();
    backend.connection.write(patternAt(0, MIB));
    await client.recorder.received(MIB);
    middle.b.close();
    const { reason, side } = await middle.splice.closed;
    assertEquals([reason, side], ["closed", "b"]);
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals((await backend.recorder.closed).reason, "finished");
  });

  promise("lets a backend that it has closed end, although the client takes nothing", async (make) => {
    await using middle = await make();
    const { client, backend } = middle;
    client.connection.pause();
    backend.recorder.onEnd = (connection) => connection.end();
    sendPattern(backend, 64 * MIB, 64 * 1024, "stays");
    await untilStill(() => middle.splice.bytesFromB);
    middle.b.close();
    // Long before it would be aborted.
    await withDeadline(backend.recorder.closed, CLOSE_TIMEOUT_MS / 2, "see the backend close");
  });

  promise(BEFORE, async (make) => {
    const handles = openHandles();
    {
      await using middle = await make();
      middle.client.connection.abort();
      await middle.splice.closed;
      await using right = await connectionPair(back.make().driver);
      const late = splice(middle.a, right.client.connection);
      assertEquals((await late.closed).reason, "reset");
      right.client.connection.handle(right.client.recorder);
    }
    assertEquals(openHandles(), handles);
  });
}

function testFinishedBefore(promise: Promised, back: Subject): void {
  promise("closes a connection whose partner was over from the start", async (make) => {
    await using middle = await make();
    for (const { recorder } of [middle.client, middle.backend])
      recorder.onEnd = (connection) => connection.end();
    middle.client.connection.end();
    await middle.splice.closed;
    await using right = await connectionPair(back.make().driver);
    const late = splice(middle.a, right.client.connection);
    await right.server.recorder.ended;
    sendPattern(right.server, 16 * MIB);
    await late.closed;
    right.client.connection.handle(right.client.recorder);
  });
}

function testTimeouts(promise: Promised): void {
  promise("ends after an hour in which neither side has sent anything", async (make) => {
    const clock = new ManualClock();
    await using middle = await make({ clock });
    clock.advance(3_000_000);
    middle.client.connection.write(patternAt(0, 10));
    await middle.backend.recorder.received(10);
    clock.advance(3_599_999);
    assertEquals(clock.pending, 1);
    clock.advance(1);
    const { reason, side, bytesFromA } = await middle.splice.closed;
    assertEquals([reason, side, bytesFromA], ["idle_timeout", undefined, 10]);
    await Promise.all([middle.client.recorder.gone, middle.backend.recorder.gone]);
    assertEquals(clock.pending, 0);
  });

  promise("ends when nothing has come for 30 s after one side has ended", async (make) => {
    const clock = new ManualClock();
    await using middle = await make({ clock });
    middle.client.connection.end();
    await middle.backend.recorder.ended;
    clock.advance(20_000);
    middle.backend.connection.write(patternAt(0, 10));
    await middle.client.recorder.received(10);
    // Some drivers count what they have just sent for a moment more.
    while (middle.a.queuedBytes > 0) await turns(1);
    clock.advance(29_999);
    assertEquals(clock.pending, 1);
    clock.advance(1);
    assertEquals((await middle.splice.closed).reason, "half_close_timeout");
    await middle.client.recorder.gone;
  });

  promise(SLOW_READER, async (make) => {
    const clock = new ManualClock();
    await using middle = await make({ clock });
    const { client, backend } = middle;
    client.connection.end();
    client.connection.pause();
    await backend.recorder.ended;
    backend.connection.write(patternAt(0, 32 * MIB));
    while (middle.a.queuedBytes === 0) await turns(1);
    clock.advance(60_000);
    client.connection.resume();
    await client.recorder.received(32 * MIB);
    backend.connection.end();
    assertEquals((await middle.splice.closed).reason, "finished");
  });

  promise("leaves no timer", async (make) => {
    const clock = new ManualClock();
    await using middle = await make({ clock });
    for (const { connection, recorder } of [middle.client, middle.backend])
      recorder.onEnd = () => connection.end();
    middle.client.connection.end();
    assertEquals((await middle.splice.closed).reason, "finished");
    assertEquals(clock.pending, 0);
  });
}
