import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { setImmediate } from "node:timers";
import { fileURLToPath } from "node:url";
import { assertEquals } from "@std/assert";
import { withDeadline } from "../../src/async/mod.ts";
import { adopt, listenPaused, nodeDriver, openHandles, type PausedSocket } from "../../src/net/mod.ts";
import { RUNTIME, test } from "../testing.ts";
import { DEADLINE_MS, LOOPBACK, patternAt, Recorder, type Side } from "./recording.ts";

const driver = nodeDriver();

/** Connects and sends bytes at once, before anybody can have read them. */
async function clientOf(listener: { readonly address: typeof LOOPBACK }, sent: Uint8Array): Promise<Side> {
  const recorder = new Recorder();
  const connection = await driver.connect(listener.address, recorder);
  connection.write(sent);
  return { connection, recorder };
}

interface Taking extends AsyncDisposable {
  readonly address: typeof LOOPBACK;
  readonly taken: Promise<PausedSocket>;
}

async function taking(): Promise<Taking> {
  const { promise, resolve } = Promise.withResolvers<PausedSocket>();
  const listener = await listenPaused(LOOPBACK, resolve);
  return {
    address: listener.address,
    taken: withDeadline(promise, DEADLINE_MS, "take a socket"),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

interface Child extends AsyncDisposable {
  readonly process: ChildProcess;
  /** The next message. */
  message(): Promise<unknown>;
}

async function adoptingChild(): Promise<Child> {
  const file = fileURLToPath(new URL("./adopt_child.ts", import.meta.url));
  const args = RUNTIME === "deno" ? ["run", "-q", "-P", file] : [...process.execArgv, file];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const message = async (): Promise<unknown> => {
    const [first] = await withDeadline(once(child, "message"), DEADLINE_MS, "hear from the child");
    return first;
  };
  assertEquals(await message(), "ready");
  return {
    process: child,
    message,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      // Not by disconnect(): on Deno a child that was sent a socket does not always hear of it.
      if (child.pid !== undefined) process.kill(child.pid, "SIGKILL");
      await withDeadline(exited, DEADLINE_MS, "see the child exit");
    },
  };
}

test("adopt() in another process gets what was sent before the hand-over, and carries an answer after the end", async () => {
  await using child = await adoptingChild();
  await using listener = await taking();
  const client = await clientOf(listener, patternAt(0, 1_000_000));
  const socket = await listener.taken;
  child.process.send("take it", socket.native);
  client.connection.end();
  assertEquals((await client.recorder.closed).reason, "finished");
  assertEquals(client.recorder.bytes, 1_000_000 + "|1000000 bytes".length);
  assertEquals(client.recorder.text.slice(-14), "|1000000 bytes");
  assertEquals(openHandles(), 1);
});

test("a hundred sockets that were handed over leave no handle here or there", async () => {
  await using child = await adoptingChild();
  const take = (socket: PausedSocket): void => void child.process.send("take it", socket.native);
  await using listener = await listenPaused(LOOPBACK, take);
  for (let batch = 0; batch < 10; batch++) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await clientOf(listener, patternAt(0, 10));
        client.connection.end();
        assertEquals((await client.recorder.closed).reason, "finished");
        assertEquals(client.recorder.text.slice(-9), "|10 bytes");
      }),
    );
  }
  child.process.send("how many?");
  assertEquals(await child.message(), { handles: 0 });
  assertEquals(openHandles(), 1);
});

test("adopt() in the same process loses nothing and knows both addresses", async () => {
  await using listener = await taking();
  const client = await clientOf(listener, patternAt(0, 100_000));
  const socket = await listener.taken;
  const recorder = new Recorder();
  const connection = adopt(socket.native, () => recorder);
  await recorder.received(100_000);
  assertEquals([connection.local, connection.remote], [listener.address, client.connection.local]);
  assertEquals([socket.local, socket.remote], [listener.address, client.connection.local]);
  connection.close();
  client.connection.close();
  assertEquals((await recorder.closed).reason, "closed");
  await client.recorder.closed;
});

test("adopt() leaves a connection paused that its accept has paused", async () => {
  await using listener = await taking();
  const client = await clientOf(listener, patternAt(0, 10));
  const socket = await listener.taken;
  const recorder = new Recorder();
  const connection = adopt(socket.native, (accepted) => {
    accepted.pause();
    return recorder;
  });
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(recorder.events, []);
  connection.resume();
  await recorder.received(10);
  connection.abort();
  assertEquals((await client.recorder.closed).reason, "reset");
  await recorder.closed;
});

test("adopt() of a socket that is closed already reports its close", async () => {
  await using listener = await taking();
  const client = await clientOf(listener, patternAt(0, 10));
  const { native } = await listener.taken;
  const closed = once(native, "close");
  native.destroy();
  await closed;
  const recorder = new Recorder();
  adopt(native, () => recorder);
  assertEquals((await recorder.closed).reason, "reset");
  await client.recorder.closed;
});

test("PausedSocket.abort() resets the client", async () => {
  await using listener = await taking();
  const client = await clientOf(listener, patternAt(0, 10));
  (await listener.taken).abort();
  assertEquals((await client.recorder.closed).reason, "reset");
});

test("listenPaused() aborts a connection whose take throws, and reports it", async () => {
  const errors: unknown[] = [];
  const take = (): void => {
    throw new Error("thrown in take");
  };
  const onError = (error: Error, { during }: { during: string }): void =>
    void errors.push([error.message, during]);
  await using listener = await listenPaused(LOOPBACK, take, { onError });
  const outcome = await clientOf(listener, patternAt(0, 10)).then(
    async ({ recorder }) => (await recorder.closed).reason,
    (error: { code: string }) => error.code,
  );
  assertEquals(outcome, "reset");
  assertEquals(errors, [["thrown in take", "handler"]]);
});
