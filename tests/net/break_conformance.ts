import { setImmediate } from "node:timers";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { CLOSE_TIMEOUT_MS, type Connection, NetError } from "../../src/net/mod.ts";
import { connectionPair, LOOPBACK, patternAt, Recorder, type Side } from "./recording.ts";
import { type Subject, testOf } from "./subject.ts";

const MIB = 1024 * 1024;

/** The names of tests that a driver has a gap for. */
export const RESETS = "abort() drops what waits and reaches the other side as a reset";
export const RESETS_ENDED = "a reset ends a connection that has ended";

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

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

/** What every driver promises when a connection breaks or a peer takes nothing. */
export function testBreaks(subject: Subject): void {
  const promise = testOf(subject);
  testDeadlines(subject);
  testAddresses(subject);

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

  promise("gives nothing to a paused connection that is reset", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.pause();
    client.connection.write(patternAt(0, 10));
    await nextTurn();
    client.connection.abort();
    await client.recorder.closed;
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assertEquals(server.recorder.bytes, 0);
    server.connection.resume();
    await server.recorder.gone;
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

  promise("what close() of a handler throws is reported, and costs nothing else", async ({ driver }) => {
    const errors: unknown[] = [];
    const fail = (): void => {
      throw new Error("thrown in close");
    };
    const handler = { data: () => undefined, end: (connection: Connection) => connection.end(), close: fail };
    await using listener = await driver.listen(LOOPBACK, () => handler, {
      onError: (error, { during }) => errors.push([error.message, during]),
    });
    for (const _ of [1, 2]) {
      const recorder = new Recorder();
      const connection = await driver.connect(listener.address, recorder);
      connection.end();
      await recorder.closed;
    }
    await nextTurn();
    await nextTurn();
    assertEquals(errors, [
      ["thrown in close", "handler"],
      ["thrown in close", "handler"],
    ]);
  });

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

function testAddresses(subject: Subject): void {
  const promise = testOf(subject);

  promise("a connection that is over tells its addresses, even for the first time", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    for (const { connection } of [client, server]) connection.abort();
    await Promise.all([client.recorder.closed, server.recorder.closed]);
    assertEquals(client.connection.local, server.connection.remote);
    assertEquals(server.connection.local, client.connection.remote);
  });
}
