import { setImmediate } from "node:timers";
import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { CLOSE_TIMEOUT_MS, memoryNetwork } from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import { connectionPair, patternAt, Recorder } from "./recording.ts";

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("memoryNetwork() delivers bytes and ends after the delay, not before", async () => {
  const clock = new ManualClock();
  const { driver } = memoryNetwork({ delayMs: 50, clock });
  const server = new Recorder();
  server.onEnd = (connection) => connection.end();
  await using _listener = await driver.listen({ host: "10.0.0.1", port: 7 }, () => server);
  const client = new Recorder();
  const dialing = driver.connect({ host: "10.0.0.1", port: 7 }, client);
  clock.advance(50);
  const connection = await dialing;
  connection.write(patternAt(0, 10));
  clock.advance(30);
  connection.end();
  clock.advance(19);
  assertEquals(server.events, []);
  clock.advance(1);
  assertEquals([server.bytes, server.events], [10, ["data"]]);
  clock.advance(30);
  assertEquals(server.events, ["data", "end", "close"]);
  clock.advance(50);
  assertEquals((await client.closed).reason, "finished");
  assertEquals(clock.pending, 0);
});

test("memoryNetwork() splits what is sent", async () => {
  await using pair = await connectionPair(memoryNetwork({ maxChunkBytes: 3 }).driver);
  pair.client.connection.write(patternAt(0, 10));
  await pair.server.recorder.received(10);
  assertEquals(
    pair.server.recorder.chunks.map((chunk) => chunk.length),
    [3, 3, 3, 1],
  );
});

test("memoryNetwork() lets a writer wait when the window is full", async () => {
  await using pair = await connectionPair(memoryNetwork({ windowBytes: 100 }).driver);
  pair.server.connection.pause();
  assertEquals(pair.client.connection.write(patternAt(0, 100)), true);
  assertEquals(pair.client.connection.write(patternAt(100, 20)), false);
  assertEquals(pair.client.connection.queuedBytes, 20);
  pair.server.connection.resume();
  await pair.server.recorder.received(120);
  assertEquals(pair.client.recorder.events, ["drain"]);
});

test("memoryNetwork() resets the connections of an address on command", async () => {
  const network = memoryNetwork();
  await using pair = await connectionPair(network.driver);
  await using other = await connectionPair(network.driver);
  network.reset(pair.listener.address);
  assertEquals((await pair.client.recorder.closed).reason, "reset");
  assertEquals((await pair.server.recorder.closed).reason, "reset");
  await turns();
  assertEquals(other.client.recorder.events, []);
});

test("memoryNetwork() holds everything of a frozen address until it thaws", async () => {
  const network = memoryNetwork();
  await using pair = await connectionPair(network.driver);
  network.freeze(pair.listener.address);
  pair.client.connection.write(patternAt(0, 10));
  const recorder = new Recorder();
  let isConnected = false;
  const dialing = network.driver.connect(pair.listener.address, recorder).then((connection) => {
    isConnected = true;
    return connection;
  });
  await turns();
  assertEquals([pair.server.recorder.events, isConnected], [[], false]);
  network.thaw(pair.listener.address);
  await pair.server.recorder.received(10);
  (await dialing).close();
  await recorder.closed;
});

test("memoryNetwork() resets who writes to a side that has closed", async () => {
  const clock = new ManualClock();
  await using pair = await connectionPair(memoryNetwork({ clock }).driver);
  pair.server.connection.close();
  await pair.client.recorder.ended;
  clock.advance(CLOSE_TIMEOUT_MS);
  assertEquals((await pair.server.recorder.closed).reason, "closed");
  pair.client.connection.write(patternAt(0, 10));
  assertEquals((await pair.client.recorder.closed).reason, "reset");
});

test("memoryNetwork() keeps networks apart", async () => {
  await using pair = await connectionPair(memoryNetwork().driver);
  const outcome = memoryNetwork()
    .driver.connect(pair.listener.address, new Recorder())
    .catch((error: { code: string }) => error.code);
  assertEquals(await outcome, "refused");
});
