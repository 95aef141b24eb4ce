import { setImmediate } from "node:timers";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { CLOSE_TIMEOUT_MS, type Connection, NetError } from "../../src/net/mod.ts";
import {
  checkPattern,
  connectionPair,
  LOOPBACK,
  patternAt,
  Recorder,
  type Side,
  sendPattern,
} from "./recording.ts";
import { type Subject, testOf } from "./subject.ts";

const MIB = 1024 * 1024;

function slowly(connection: Connection): void {
  connection.pause();
  setImmediate(() => connection.resume());
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** The names of tests that a driver has a gap for. */
export const LARGE_ANSWER = "loses nothing of a large answer to a slow reader that has ended";
export const RESETS = "abort() drops what waits and reaches the other side as a reset";
export const RESETS_ENDED = "a reset ends a connection that has ended";

/** Advances the clock by whole close timeouts until the side is closed. */
async function timeOut(clock: ManualClock, side: Side): Promise<void> {
  let isClosed = false;
  void side.recorder.closed.then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < 1000 && !isClosed; turn++) {
    clock.advance(CLOSE_TIMEOUT_MS);
    await nextTurn();
  }
}

/** What every driver promises about ends, closing and breaking. */
export function testEnds(subject: Subject): void {
  const promise = testOf(subject);

  promise("still carries answers to a side that has ended", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.connection.write(patternAt(0, 5));
    client.connection.end();
    await server.recorder.ended;
    assertEquals(server.recorder.bytes, 5);
    sendPattern(server, MIB);
    const { reason } = await client.recorder.closed;
    assertEquals([reason, client.recorder.bytes], ["finished", MIB]);
    assertEquals((await server.recorder.closed).reason, "finished");
    assertEquals(server.recorder.events.filter((event) => event === "end").length, 1);
  });

  promise("still carries requests from a client whose server has ended", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.end();
    await client.recorder.ended;
    sendPattern(client, MIB);
    await server.recorder.ended;
    assertEquals(server.recorder.bytes, MIB);
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals((await server.recorder.closed).reason, "finished");
    assertEquals(client.recorder.events.at(-1), "close");
  });

  promise("ends after all that was written", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    checkPattern(server, slowly);
    client.connection.write(patternAt(0, 9 * MIB));
    client.connection.end();
    await server.recorder.ended;
    assertEquals(server.recorder.bytes, 9 * MIB);
  });

  promise(LARGE_ANSWER, async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.connection.pause();
    client.connection.end();
    await server.recorder.ended;
    sendPattern(server, 32 * MIB);
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    checkPattern(client, slowly);
    client.connection.resume();
    await client.recorder.received(32 * MIB);
    assertEquals((await client.recorder.closed).reason, "finished");
  });

  promise("takes no bytes after end()", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.connection.write(patternAt(0, 10));
    client.connection.end();
    assertEquals(client.connection.write(patternAt(10, 10)), false);
    await server.recorder.ended;
    assertEquals([server.recorder.bytes, client.connection.bytesWritten], [10, 10]);
  });

  promise(
    "keeps data and end of a paused connection for later, although we have ended",
    async ({ driver }) => {
      await using pair = await connectionPair(driver);
      const { client, server } = pair;
      server.connection.pause();
      server.connection.end();
      sendPattern(client, MIB);
      await client.recorder.ended;
      for (let turn = 0; turn < 20; turn++) await nextTurn();
      assertEquals(server.recorder.events, []);
      server.connection.resume();
      assertEquals((await server.recorder.closed).reason, "finished");
      assertEquals([server.recorder.bytes, server.recorder.events.at(-2)], [MIB, "end"]);
    },
  );

  testClosing(subject);
  testBreaking(subject);
  testDeadlines(subject);
}

function testClosing(subject: Subject): void {
  const promise = testOf(subject);

  promise("loses nothing when close() follows a large write", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    checkPattern(client, slowly);
    client.recorder.onEnd = (connection) => connection.end();
    server.connection.write(patternAt(0, 9 * MIB));
    server.connection.close();
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals(client.recorder.bytes, 9 * MIB);
    assertEquals((await server.recorder.closed).reason, "closed");
  });

  promise("loses nothing when close() comes with input unread", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.pause();
    sendPattern(client, MIB);
    server.connection.write(patternAt(0, MIB));
    server.connection.close();
    await client.recorder.ended;
    assertEquals(client.recorder.bytes, MIB);
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals((await server.recorder.closed).reason, "closed");
    assertEquals(server.recorder.events, ["close"]);
  });

  promise("reports close() once, however often it is closed", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.recorder.onEnd = (connection) => connection.end();
    client.connection.close();
    client.connection.close();
    client.connection.end();
    assertEquals((await client.recorder.closed).reason, "closed");
    client.connection.abort();
    client.connection.close();
    await nextTurn();
    assertEquals(client.recorder.events, ["close"]);
  });

  promise("calls no handler before the method that causes it returns", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    const events = [client, server].flatMap(({ connection, recorder }) => {
      connection.resume();
      connection.write(patternAt(0, 10));
      connection.end();
      connection.close();
      connection.abort();
      return recorder.events;
    });
    assertEquals(events, []);
    await Promise.all([client.recorder.closed, server.recorder.closed]);
  });
}

function testBreaking(subject: Subject): void {
  const promise = testOf(subject);

  promise(RESETS, async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.pause();
    client.connection.write(patternAt(0, 16 * MIB));
    client.connection.abort();
    assertEquals(await client.recorder.closed, { reason: "aborted", error: undefined });
    assertEquals(client.connection.queuedBytes, 0);
    server.connection.resume();
    const { reason, error } = await server.recorder.closed;
    assertEquals([reason, error instanceof NetError && error.code], ["reset", "reset"]);
    assertNotEquals(server.recorder.bytes, 16 * MIB);
  });

  promise("abort() right after end() closes both sides", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.recorder.onEnd = (connection) => connection.end();
    client.connection.write(patternAt(0, 10));
    client.connection.end();
    client.connection.abort();
    assertEquals((await client.recorder.closed).reason, "aborted");
    await server.recorder.closed;
  });

  promise(RESETS_ENDED, async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.connection.end();
    await server.recorder.ended;
    server.connection.abort();
    assertEquals((await client.recorder.closed).reason, "reset");
  });

  promise("tells a handler that is set after the end of the end and the close", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.connection.end();
    await server.recorder.ended;
    const late = new Recorder();
    server.connection.handle(late);
    await late.ended;
    server.connection.end();
    await late.closed;
    const later = new Recorder();
    server.connection.handle(later);
    assertEquals((await later.closed).reason, "finished");
    assertEquals(
      [late.events, later.events],
      [
        ["end", "close"],
        ["end", "close"],
      ],
    );
    server.connection.handle(server.recorder);
  });

  for (const event of ["data", "end", "drain"] as const) {
    promise(`a handler that throws in ${event} aborts its own connection only`, async ({ driver }) => {
      const errors: unknown[] = [];
      await using pair = await connectionPair(driver);
      await using listener = await driver.listen(LOOPBACK, (connection) => throwing(connection, event), {
        onError: (error, { during }) => errors.push([error.message, during]),
      });
      const victim = new Recorder();
      const connection = await driver.connect(listener.address, victim);
      connection.write(patternAt(0, 100));
      connection.end();
      await victim.gone;
      connection.abort();
      await victim.closed;
      assertEquals(errors, [[`thrown in ${event}`, "handler"]]);
      pair.client.connection.write(patternAt(0, 10));
      await pair.server.recorder.received(10);
    });
  }

  promise("a dialed connection whose handler throws reports failed with the error", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.recorder.onData = () => {
      throw new Error("thrown in data");
    };
    server.connection.write(patternAt(0, 10));
    const { reason, error } = await client.recorder.closed;
    assertEquals([reason, error?.message], ["failed", "thrown in data"]);
  });
}

function throwing(connection: Connection, event: "data" | "end" | "drain"): Recorder {
  const recorder = new Recorder();
  const fail = (): void => {
    throw new Error(`thrown in ${event}`);
  };
  if (event === "data") recorder.onData = fail;
  if (event === "end") recorder.onEnd = fail;
  if (event === "drain") recorder.onDrain = fail;
  if (event === "drain") while (connection.write(patternAt(0, MIB)));
  return recorder;
}

function testDeadlines(subject: Subject): void {
  const promise = testOf(subject);

  promise("close() aborts a peer that takes nothing", async () => {
    const clock = new ManualClock();
    await using pair = await connectionPair(subject.make({ clock }).driver);
    pair.client.connection.pause();
    pair.server.connection.write(patternAt(0, 32 * MIB));
    pair.server.connection.close();
    await timeOut(clock, pair.server);
    const { reason, error } = await pair.server.recorder.closed;
    assertEquals([reason, error instanceof NetError && error.code], ["failed", "timeout"]);
    assert(pair.client.recorder.bytes < 32 * MIB);
  });

  promise("close() ends against a peer that never ends", async () => {
    const clock = new ManualClock();
    await using pair = await connectionPair(subject.make({ clock }).driver);
    pair.server.connection.write(patternAt(0, 1000));
    pair.server.connection.close();
    await pair.client.recorder.ended;
    await timeOut(clock, pair.server);
    assertEquals((await pair.server.recorder.closed).reason, "closed");
    assertEquals(pair.client.recorder.bytes, 1000);
  });
}
