import { setImmediate } from "node:timers";
import { assert, assertEquals } from "@std/assert";
import { type Connection, openHandles } from "../../src/net/mod.ts";
import {
  checkPattern,
  connectionPair,
  PatternChecker,
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

/** A message there and back on another connection: whatever was due by now has happened. */
async function roundTrip(subject: Subject): Promise<void> {
  await using other = await connectionPair(subject.make().driver);
  other.server.recorder.onData = (connection, chunk) => void connection.write(chunk);
  for (let turn = 1; turn <= 3; turn++) {
    other.client.connection.write(patternAt(0, 10));
    await other.client.recorder.received(turn * 10);
  }
}

async function exchanged(one: Side, other: Side, bytes: number): Promise<void> {
  await Promise.all([one.recorder.received(bytes), other.recorder.received(bytes)]);
  await Promise.all([one.recorder.closed, other.recorder.closed]);
}

/** What every driver promises about bytes: all of them, in order, at the reader's pace. */
export function testStreams(subject: Subject): void {
  const promise = testOf(subject);

  promise("carries 64 MiB each way through slow readers, byte for byte", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    checkPattern(client, slowly);
    checkPattern(server, slowly);
    sendPattern(client, 64 * MIB);
    sendPattern(server, 64 * MIB);
    await exchanged(client, server, 64 * MIB);
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals((await server.recorder.closed).reason, "finished");
  });

  promise("reads little more than a slow reader takes", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    let most = 0;
    server.recorder.onData = (connection) => {
      most = Math.max(most, client.connection.bytesWritten - server.recorder.bytes);
      slowly(connection);
    };
    sendPattern(client, 96 * MIB);
    await server.recorder.received(96 * MIB);
    // What the system's buffers hold, up to 36 MiB were seen, is on its way, too.
    assert(most < 48 * MIB, `${most} bytes were on their way`);
  });

  promise("takes a write of 16 MiB whole", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const checker = checkPattern(pair.server);
    assertEquals(pair.client.connection.write(patternAt(0, 16 * MIB)), false);
    await pair.server.recorder.received(16 * MIB);
    assertEquals(checker.offset, 16 * MIB);
  });

  promise("keeps the order of 20,000 small writes of one turn", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const checker = checkPattern(pair.server);
    for (let index = 0; index < 20_000; index++) pair.client.connection.write(patternAt(index * 50, 50));
    await pair.server.recorder.received(1_000_000);
    assertEquals(checker.offset, 1_000_000);
  });

  promise("reports drain once the reader has made room for all that waited", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.pause();
    while (client.connection.write(patternAt(0, MIB)));
    client.connection.write(patternAt(0, 16 * MIB));
    assert(client.connection.queuedBytes > 0);
    await roundTrip(subject);
    assert(!client.recorder.events.includes("drain"));
    const drained = Promise.withResolvers<number>();
    client.recorder.onDrain = (connection) => drained.resolve(connection.queuedBytes);
    server.connection.resume();
    assertEquals(await drained.promise, 0);
  });

  promise("gives chunks whose bytes stay as they are", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    sendPattern(pair.client, 4 * MIB, 3000);
    await pair.server.recorder.received(4 * MIB);
    const checker = new PatternChecker();
    for (const chunk of pair.server.recorder.chunks) checker.check(chunk);
    assertEquals(checker.offset, 4 * MIB);
  });

  promise("gives small chunks whose bytes stay as they are", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    for (let sent = 0; sent < 2000; sent += 100) {
      pair.client.connection.write(patternAt(sent, 100));
      await pair.server.recorder.received(sent + 100);
    }
    const checker = new PatternChecker();
    for (const chunk of pair.server.recorder.chunks) checker.check(chunk);
    assertEquals(checker.offset, 2000);
  });

  promise("gives nothing to a paused connection, and everything after resume()", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.pause();
    sendPattern(client, 2 * MIB);
    await roundTrip(subject);
    assertEquals(server.recorder.events, []);
    server.connection.resume();
    await server.recorder.received(2 * MIB);
    await server.recorder.ended;
  });

  promise("gives nothing to a connection that is resumed and paused in one turn", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.connection.pause();
    client.connection.write(patternAt(0, 100));
    await roundTrip(subject);
    server.connection.resume();
    server.connection.pause();
    await roundTrip(subject);
    assertEquals(server.recorder.events, []);
    server.connection.resume();
    await server.recorder.received(100);
  });

  promise("stops at once when data() pauses", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    server.recorder.onData = (connection) => connection.pause();
    sendPattern(client, 8 * MIB);
    await server.recorder.received(1);
    const first = server.recorder.bytes;
    await roundTrip(subject);
    assertEquals(server.recorder.bytes, first);
    server.recorder.onData = () => undefined;
    server.connection.resume();
    await server.recorder.received(8 * MIB);
  });

  testCounts(subject);
}

function testCounts(subject: Subject): void {
  const promise = testOf(subject);

  promise("counts the bytes that it has read and written", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server } = pair;
    client.connection.write(patternAt(0, 1000));
    client.connection.write(patternAt(0, 234));
    await server.recorder.received(1234);
    assertEquals([client.connection.bytesWritten, server.connection.bytesRead], [1234, 1234]);
    assertEquals([client.connection.bytesRead, server.connection.bytesWritten], [0, 0]);
    assertEquals(client.connection.queuedBytes, 0);
  });

  promise("gives the first bytes to the handler that was set right after connecting", async ({ driver }) => {
    await using listener = await driver.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
      connection.write(patternAt(0, 100));
      connection.close();
      return new Recorder();
    });
    const first = new Recorder();
    const second = new Recorder();
    const connection = await driver.connect(listener.address, first);
    connection.handle(second);
    await second.received(100);
    assertEquals(first.events, []);
    connection.close();
    await second.closed;
  });

  promise("leaves no handle after 1,000 connections", async ({ driver }) => {
    const before = openHandles();
    await using listener = await driver.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
      const recorder = new Recorder();
      recorder.onEnd = () => connection.end();
      return recorder;
    });
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const recorder = new Recorder();
          const connection = await driver.connect(listener.address, recorder);
          connection.end();
          assertEquals((await recorder.closed).reason, "finished");
        }),
      );
    }
    await roundTrip(subject);
    assertEquals(openHandles(), before + 1);
  });
}
