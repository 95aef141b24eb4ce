import { assertEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { type Connection, memoryDriver } from "../../src/net/mod.ts";
import type { End, Worker } from "../../src/server/mod.ts";
import { Attendants, type ConnectionWorker } from "../../src/server/model/attendants.ts";
import type { Lane } from "../../src/server/model/lane.ts";
import { Recorder } from "../net/recording.ts";
import { test } from "../testing.ts";

const AT = { host: "10.0.0.1", port: 1 };
const IGNORE = (): void => undefined;
const LANE: Lane = { sendBytes: IGNORE, tell: IGNORE, listen: IGNORE };

/** A worker that never says anything, and ends when it is killed. */
function hangingWorker(): Worker {
  const { promise: exited, resolve } = Promise.withResolvers<End>();
  const channel = { send: () => true, on: IGNORE, received: 0, closed: exited.then(IGNORE) };
  return { channel, exited, kill: (signal) => resolve({ signal }), diesHanging: true };
}

/** A client whose worker is started by `start`. */
async function attended(start: () => Promise<ConnectionWorker>) {
  const clock = new ManualClock();
  const ends: { readonly end: End; readonly delayMs: number }[] = [];
  const onEnd = (end: End, delayMs: number): void => void ends.push({ end, delayMs });
  const attendants = new Attendants("file:///hangs.ts", { listen: AT, onEnd }, start, clock);
  const accepted = Promise.withResolvers<{ connection: Connection; ended: Promise<void> | undefined }>();
  const driver = memoryDriver();
  const listener = await driver.listen(AT, (connection) => {
    const { handler, ended } = attendants.serve(connection);
    accepted.resolve({ connection, ended });
    return handler;
  });
  const recorder = new Recorder();
  const client = await driver.connect(AT, recorder);
  const { ended } = await accepted.promise;
  // No worker has failed before, which would keep this one from starting.
  clock.advance(0);
  return { clock, ends, client, recorder, ended, [Symbol.asyncDispose]: () => listener.close() };
}

test("a worker that never gets ready is killed after a minute, and its client, who may have left, is reset", {
  timeoutMs: 10_000,
}, async () => {
  const worker = hangingWorker();
  const started = Promise.withResolvers<void>();
  await using served = await attended(async () => {
    started.resolve();
    return { worker, lane: LANE };
  });
  await started.promise;
  served.client.end();
  await new Promise((resolve) => setTimeout(resolve, 0));
  served.clock.advance(59_999);
  assertEquals([served.ends.length, served.clock.pending], [0, 1]);
  served.clock.advance(1);
  await served.ended;
  assertEquals([(await served.recorder.closed).reason, served.clock.pending], ["reset", 0]);
  const [{ end } = { end: undefined }] = served.ends;
  assertEquals(end && "error" in end && String(end.error), "Error: Cannot serve: not ready after 60000 ms");
});

test("a client that is reset while its worker starts is not waited for", { timeoutMs: 10_000 }, async () => {
  const worker = hangingWorker();
  const starting = Promise.withResolvers<ConnectionWorker>();
  await using served = await attended(() => starting.promise);
  served.client.abort();
  await served.recorder.closed;
  await new Promise((resolve) => setTimeout(resolve, 0));
  starting.resolve({ worker, lane: LANE });
  await served.ended;
  assertEquals([await worker.exited, served.ends, served.clock.pending], [{ signal: "SIGKILL" }, [], 0]);
});
