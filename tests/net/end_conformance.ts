import { setImmediate } from "node:timers";
import { assertEquals } from "@std/assert";
import { withDeadline } from "../../src/async/mod.ts";
import type { Connection } from "../../src/net/mod.ts";
import {
  checkPattern,
  connectionPair,
  DEADLINE_MS,
  LOOPBACK,
  patternAt,
  Recorder,
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
export const TELLS_OVER = "tells its listener of each connection that is over, after whoever handled it";

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

  promise(TELLS_OVER, async ({ driver }) => {
    const events: string[] = [];
    const over = Promise.withResolvers<void>();
    const end = (connection: Connection): void => connection.end();
    const second = { data: () => undefined, end, close: () => void events.push("close") };
    const accept = (connection: Connection) => {
      setImmediate(() => connection.handle(second));
      return { data: () => undefined, close: () => void events.push("first") };
    };
    const onOver = (): void => {
      events.push("over");
      over.resolve();
    };
    await using listener = await driver.listen(LOOPBACK, accept, { onOver });
    const client = new Recorder();
    const connection = await driver.connect(listener.address, client);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    connection.abort();
    await Promise.all([client.closed, withDeadline(over.promise, DEADLINE_MS, "hear of the end")]);
    assertEquals(events, ["close", "over"]);
  });
}
