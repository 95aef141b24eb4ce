import { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { type End, startThread, supervise, type Thread, type Worker } from "../../src/server/mod.ts";
import { Signal } from "../helpers.ts";
import { test } from "../testing.ts";
import { fakeWorker } from "./fake_worker.ts";

const ECHO = new URL("./echo_thread.ts", import.meta.url).href;

function next(thread: Thread, topic: string): Promise<unknown> {
  return new Promise((resolve) => thread.channel.on(topic, resolve));
}

test("a thread's channel carries values and bytes, in order, and leaves the sender its own", async () => {
  const thread = startThread(ECHO);
  const bytes = new Uint8Array([0, 10, 255]);
  thread.channel.sendBytes("bytes", bytes.subarray(1));
  assertEquals(await next(thread, "bytes"), new Uint8Array([10, 255]));
  assertEquals([...bytes], [0, 10, 255]);
  for (let index = 0; index < 100; index++) thread.channel.send("echo", { index });
  const seen: unknown[] = [];
  const all = new Signal<void>();
  thread.channel.on("echo", (body) => {
    seen.push((body as { index: number }).index);
    if (seen.length === 100) all.fire();
  });
  await all.wait("100 answers");
  assertEquals(
    seen,
    Array.from({ length: 100 }, (_, index) => index),
  );
  thread.kill("SIGKILL");
  await thread.exited;
});

test("a thread that ends by itself is reported with its code, and its channel takes nothing more", async () => {
  const thread = startThread(ECHO);
  thread.channel.send("exit", 7);
  assertEquals(await thread.exited, { code: 7 });
  await thread.channel.closed;
  assertEquals(thread.channel.send("echo", 1), false);
});

for (const [topic, message] of [
  ["throw", "thrown in a thread"],
  ["reject", "rejected in a thread"],
] as const) {
  test(`an uncaught error of a thread (${topic}) ends it alone and is reported`, async () => {
    const thread = startThread(ECHO);
    thread.channel.send(topic, undefined);
    const end = await thread.exited;
    assert("error" in end && end.error instanceof Error, JSON.stringify(end));
    assertEquals(end.error.message, message);
  });
}

test("a thread takes no connection", async () => {
  const thread = startThread(ECHO);
  assertThrows(() => thread.channel.send("echo", 1, new Socket()), TypeError, "cannot leave its own");
  thread.kill("SIGKILL");
  await thread.exited;
});

test("supervise() starts what ends after delays that grow, and from the first one after it has lived long", async () => {
  const clock = new ManualClock();
  const delays: number[] = [];
  const lives: ((end: End) => void)[] = [];
  const supervised = supervise<Worker>({
    clock,
    async start() {
      const worker = fakeWorker();
      lives.push(worker.end);
      return worker;
    },
    onEnd: (_, delayMs) => delays.push(delayMs),
  });
  const live = async (ms: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(ms);
    lives.at(-1)?.({ code: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(delays.at(-1) ?? 0);
  };
  for (const ms of [0, 0, 0, 0, 10_001, 0]) await live(ms);
  supervised.release();
  const bounds = [0, 250, 500, 1000, 0, 250];
  assertEquals(
    delays.map((delay, index) => delay >= (bounds[index] ?? 0) / 2 && delay <= (bounds[index] ?? 0)),
    bounds.map(() => true),
    JSON.stringify(delays),
  );
});
