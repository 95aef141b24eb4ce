import { assertEquals } from "@std/assert";
import { type Clock, ManualClock } from "../../src/async/mod.ts";
import { type Hang, supervise, type Worker, wordsOfHang } from "../../src/server/mod.ts";
import { watch } from "../../src/server/watch.ts";
import { test } from "../testing.ts";
import { type FakeWorker, fakeWorker } from "./fake_worker.ts";

/** A worker that is asked every second, and taken to hang after five questions. */
function watched(options: { diesHanging?: boolean } = {}) {
  const clock = new ManualClock();
  const worker = fakeWorker(options);
  const hangs: Hang[] = [];
  const watching = watch(worker, (hang) => hangs.push(hang), { intervalMs: 1000, unanswered: 5, clock });
  return { clock, worker, hangs, watching };
}

test("a worker that answers is asked at every interval, and left alone", () => {
  const { clock, worker, hangs } = watched();
  clock.advance(60_000);
  assertEquals([worker.asked, hangs], [61, []]);
});

test("a worker that leaves so many questions in a row unanswered is reported once, and killed", async () => {
  const { clock, worker, hangs } = watched();
  worker.answers = false;
  // The first question was answered.
  clock.advance(5999);
  assertEquals(hangs, []);
  clock.advance(1);
  assertEquals(await worker.exited, { signal: "SIGKILL" });
  clock.advance(60_000);
  assertEquals([hangs, clock.pending], [[{ silentMs: 5000, isKilled: true }], 0]);
});

test("unanswered questions that are not in a row do not add up", () => {
  const { clock, worker, hangs } = watched();
  for (let round = 0; round < 10; round++) {
    worker.answers = false;
    clock.advance(4000);
    worker.answers = true;
    clock.advance(2000);
  }
  assertEquals(hangs, []);
});

test("whatever a worker says is an answer", () => {
  const { clock, worker, hangs } = watched();
  worker.answers = false;
  for (let round = 0; round < 20; round++) {
    clock.advance(4000);
    worker.say();
  }
  assertEquals(hangs, []);
});

/** A clock whose timers are as late as is said. */
function sleepyClock(): Clock & { fire(lateMs: number): void } {
  let now = 0;
  let due: { readonly at: number; readonly callback: () => void } | undefined;
  return {
    now: () => now,
    wallNow: () => now,
    after(delayMs, callback) {
      due = { at: now + delayMs, callback };
      return { cancel: () => undefined };
    },
    fire(lateMs) {
      now = (due?.at ?? 0) + lateMs;
      due?.callback();
    },
  };
}

test("a question after which the parent itself was late does not count, however long that took", () => {
  const clock = sleepyClock();
  const worker = fakeWorker();
  worker.answers = false;
  const hangs: Hang[] = [];
  watch(worker, (hang) => hangs.push(hang), { intervalMs: 1000, unanswered: 5, clock });
  for (let round = 0; round < 4; round++) clock.fire(1000);
  for (let round = 0; round < 10; round++) clock.fire(1001);
  clock.fire(3_600_000);
  assertEquals(hangs, []);
  clock.fire(0);
  assertEquals(hangs, [{ silentMs: 5000, isKilled: true }]);
});

test("one that cannot be killed is reported each time that it stops answering, and questions do not pile up", () => {
  const { clock, worker, hangs } = watched({ diesHanging: false });
  worker.answers = false;
  clock.advance(60_000);
  assertEquals([worker.asked, hangs], [6, [{ silentMs: 5000, isKilled: false }]]);
  worker.say();
  clock.advance(60_000);
  assertEquals([worker.asked, hangs.length], [11, 2]);
});

test("whoever hears that a worker hangs may end the asking at once", () => {
  const clock = new ManualClock();
  const worker = fakeWorker({ diesHanging: false });
  worker.answers = false;
  const watching = watch(worker, () => watching[Symbol.dispose](), {
    intervalMs: 1000,
    unanswered: 5,
    clock,
  });
  clock.advance(5000);
  assertEquals([worker.asked, clock.pending], [5, 0]);
});

/** Lets what has settled be noticed. */
function noticed(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

test("supervise() asks a worker from its start until it is released, and each that takes its place; who does not serve yet has longer", async () => {
  const clock = new ManualClock();
  const started: { readonly worker: FakeWorker; readonly onServing: () => void }[] = [];
  const told: string[] = [];
  const supervised = supervise<Worker>({
    clock,
    async start(onServing) {
      const worker = fakeWorker();
      worker.answers = false;
      started.push({ worker, onServing });
      return worker;
    },
    onHang: (worker, hang) => {
      assertEquals(worker, started.at(-1)?.worker);
      told.push(wordsOfHang(hang));
    },
    onEnd: (end) => told.push(JSON.stringify(end)),
  });
  const asked = (): (number | undefined)[] => started.map(({ worker }) => worker.asked);
  const end = '{"signal":"SIGKILL"}';

  await noticed();
  clock.advance(59_999);
  assertEquals([asked(), told], [[60], []]);
  clock.advance(1);
  await noticed();
  assertEquals([asked(), told.splice(0)], [[60], ["has not answered for 60 s: it is killed", end]]);

  clock.advance(0);
  await noticed();
  clock.advance(40_000);
  started[1]?.onServing();
  await noticed();
  clock.advance(19_999);
  assertEquals([asked(), told], [[60, 41 + 20], []]);
  clock.advance(1);
  await noticed();
  assertEquals(told.splice(0), ["has not answered for 20 s: it is killed", end]);

  clock.advance(250);
  await noticed();
  clock.advance(30_000);
  supervised.release();
  clock.advance(60_000);
  assertEquals([asked(), told, clock.pending], [[60, 61, 31], [], 0]);
});

test("supervise() asks nobody who has ended, nor who says that it serves after its end or the release", async () => {
  const clock = new ManualClock();
  const started: { readonly worker: FakeWorker; readonly onServing: () => void }[] = [];
  const supervised = supervise<Worker>({
    clock,
    async start(onServing) {
      const worker = fakeWorker();
      started.push({ worker, onServing });
      return worker;
    },
    onEnd: () => undefined,
  });
  await noticed();
  started[0]?.onServing();
  await noticed();
  started[0]?.worker.end({ code: 1 });
  await noticed();
  // The start of the next one.
  assertEquals(clock.pending, 1);
  clock.advance(0);
  await noticed();
  started[1]?.worker.end({ code: 1 });
  await noticed();
  started[1]?.onServing();
  await noticed();
  clock.advance(250);
  await noticed();
  supervised.release();
  started[2]?.onServing();
  await noticed();
  clock.advance(60_000);
  assertEquals([started.map(({ worker }) => worker.asked), clock.pending], [[2, 1, 1], 0]);
});
