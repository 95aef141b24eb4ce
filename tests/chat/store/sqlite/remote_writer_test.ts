import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../../src/async/mod.ts";
import {
  remoteWriter,
  type SendResult,
  StoreError,
  serveWriter,
  sqliteStore,
  type WriteOp,
  type Writer,
} from "../../../../src/chat/store/mod.ts";
import { test } from "../../../testing.ts";
import { channelPair, createUsers, openQuietWriter, temporaryFolder, unexpected } from "../open_stores.ts";
import { linesOf, readAll, seqOf } from "../store_steps.ts";
import { startStoreChild } from "../use_child.ts";

const ACK: WriteOp = { type: "ack", user: "nobody", device: "phone", epoch: "", inbox: 1 };

test("a child process sends through its parent's writer and reads by itself", async () => {
  await using folder = await temporaryFolder();
  const hints: string[] = [];
  await using writer = await openQuietWriter(folder.path, {
    hint: (user, line) => user === "bob" && hints.push(new TextDecoder().decode(line)),
  });
  await using store = await sqliteStore({ dir: folder.path, writer });
  await createUsers(store, ["ann", "bob"]);
  await using child = await startStoreChild("remote", folder.path);
  serveWriter(child.channel, writer, unexpected);
  const body = await child.next("sent");
  const { results, lines } = body as { results: SendResult[]; lines: string[] };
  assertEquals(
    results.map(seqOf),
    results.map((_, index) => index + 1),
  );
  assertEquals(lines, [...linesOf(await readAll(store, "bob"))]);
  assertEquals(hints, lines);
});

test("remoteWriter() sends what is asked for in one tick as one message", async () => {
  const [parent, child] = channelPair();
  const sizes: number[] = [];
  parent.on("store", (body) => {
    const { id, ops } = body as { id: number; ops: WriteOp[] };
    sizes.push(ops.length);
    parent.send("store", { id, results: ops.map(() => ({ type: "done" })) });
  });
  const writer = remoteWriter(child, "disk");
  const results = await Promise.all([writer.write([ACK]), writer.write([ACK, ACK]), writer.write([])]);
  assertEquals([sizes, results.map(({ length }) => length)], [[3], [1, 2, 0]]);
});

test("remoteWriter() rejects everything under way when the channel breaks, and everything after that", async () => {
  const [, child] = channelPair();
  const writer = remoteWriter(child, "disk");
  const sent = writer.write([ACK]);
  await new Promise((resolve) => setImmediate(resolve));
  const notSent = writer.write([ACK]);
  child.break();
  for (const pending of [() => sent, () => notSent, () => writer.write([ACK])]) {
    assertEquals((await assertRejects(pending, StoreError)).code, "unavailable");
  }
  await writer.close();
});

test("a store is up for as long as the process that writes for it is there", async () => {
  await using folder = await temporaryFolder();
  await using own = await openQuietWriter(folder.path);
  const [parent, child] = channelPair();
  serveWriter(parent, own, unexpected);
  await using writer = remoteWriter(child, "disk");
  await using store = await sqliteStore({ dir: folder.path, writer });
  const before = store.isUp;
  child.break();
  await child.closed;
  assertEquals([before, store.isUp], [true, false]);
});

test("remoteWriter() refuses the write after the 10,000th that waits", async () => {
  const [parent, child] = channelPair();
  const asked: { id: number; ops: WriteOp[] }[] = [];
  const first = Promise.withResolvers<void>();
  parent.on("store", (body) => {
    asked.push(body as { id: number; ops: WriteOp[] });
    first.resolve();
  });
  const writer = remoteWriter(child, "disk");
  const waiting = Array.from({ length: 10_000 }, () => writer.write([ACK]));
  assertEquals((await assertRejects(() => writer.write([ACK]), StoreError, "10000")).code, "unavailable");
  await first.promise;
  const [request] = asked;
  assert(request && request.ops.length <= 256, "one message holds too many writes");
  parent.send("store", { id: request.id, results: request.ops.map(() => ({ type: "done" })) });
  await waiting[0];
  const next = writer.write([ACK]);
  child.break();
  await Promise.allSettled([...waiting, next]);
});

test("remoteWriter() lets nobody wait longer than 10 s: what has no answer then is unavailable, and counts until there is one", async () => {
  const clock = new ManualClock();
  const [parent, child] = channelPair();
  const writer = remoteWriter(child, "disk", clock);
  const ids: number[] = [];
  parent.on("store", (body) => ids.push((body as { id: number }).id));
  const sent = async (count: number): Promise<void> => {
    while (ids.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const first = writer.write(Array.from({ length: 9000 }, () => ACK));
  const flush = writer.flush();
  await sent(2);
  clock.advance(9000);
  const second = writer.write([ACK]);
  await sent(3);
  clock.advance(1000);
  for (const late of [first, flush]) {
    const { code } = await assertRejects(() => late, StoreError, "no answer within 10000 ms");
    assertEquals(code, "unavailable");
  }
  await assertRejects(
    () => writer.write(Array.from({ length: 1000 }, () => ACK)),
    StoreError,
    "wait already",
  );
  const results = (count: number) => Array.from({ length: count }, () => ({ type: "done" }));
  for (const [index, id] of ids.entries())
    parent.send("store", { id, results: results([9000, 0, 1][index] ?? 0) });
  assertEquals((await second).length, 1);
  const again = writer.write(Array.from({ length: 10_000 }, () => ACK));
  await sent(4);
  parent.send("store", { id: ids.at(-1), results: results(10_000) });
  assertEquals((await again).length, 10_000);
  clock.advance(60_000);
  assertEquals(clock.pending, 0);
  await writer.close();
});

test("remoteWriter() passes on why its parent could not write", async () => {
  await using folder = await temporaryFolder();
  const [parent, child] = channelPair();
  const writer = await openQuietWriter(folder.path);
  serveWriter(parent, writer, unexpected);
  await using remote = remoteWriter(child, "disk");
  await writer.close();
  const error = await assertRejects(() => remote.write([ACK]), StoreError, "closed");
  assertEquals(error.code, "unavailable");
});

test("serveWriter() refuses what was under way with a request that failed, and writes what comes after its answer", async () => {
  await using folder = await temporaryFolder();
  const [parent, child] = channelPair();
  const writer = await openQuietWriter(folder.path);
  let isBroken = true;
  const write: Writer["write"] = async (ops) => {
    if (isBroken) throw new StoreError("unavailable", "no room");
    return await writer.write(ops);
  };
  serveWriter(parent, { ...writer, durable: "disk", write }, unexpected);
  const ask = (id: number, round: number): Promise<object> =>
    new Promise((resolve) => {
      child.on("store", (body) => resolve(body as object));
      child.send("store", { id, round, ops: [ACK] });
    });
  assertEquals("code" in (await ask(1, 0)), true);
  isBroken = false;
  assertEquals("code" in (await ask(2, 0)), true);
  assertEquals(await ask(3, 1), { id: 3, results: [{ type: "done" }] });
  await writer.close();
});

test("remoteWriter() begins a new round when a request has failed", async () => {
  const [parent, child] = channelPair();
  const rounds: number[] = [];
  parent.on("store", (body) => {
    const { id, round } = body as { id: number; round: number };
    rounds.push(round);
    parent.send("store", { id, code: "unavailable", message: "no room" });
  });
  const writer = remoteWriter(child, "disk");
  for (let count = 0; count < 2; count++) await assertRejects(() => writer.write([ACK]), StoreError);
  assertEquals(rounds, [0, 1]);
});

test("serveWriter() refuses what was under way with a request of which one write failed", async () => {
  const [parent, child] = channelPair();
  const asked: number[] = [];
  const write: Writer["write"] = async (ops) => {
    asked.push(ops.length);
    return ops.map((_, index) => (index === 1 ? { type: "failed", reason: "no room" } : { type: "done" }));
  };
  const writer: Writer = {
    durable: "disk",
    isUp: true,
    write,
    flush: async () => undefined,
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  serveWriter(parent, writer, unexpected);
  const ask = (id: number, round: number, ops: readonly WriteOp[]): Promise<object> =>
    new Promise((resolve) => {
      child.on("store", (body) => resolve(body as object));
      child.send("store", { id, round, ops });
    });
  assertEquals("results" in (await ask(1, 0, [ACK, ACK, ACK])), true);
  assertEquals("code" in (await ask(2, 0, [ACK])), true);
  assertEquals("results" in (await ask(3, 1, [ACK])), true);
  assertEquals(asked, [3, 1]);
});

test("remoteWriter() begins a new round when one write of a request has failed", async () => {
  const [parent, child] = channelPair();
  const rounds: number[] = [];
  parent.on("store", (body) => {
    const { id, round } = body as { id: number; round: number };
    rounds.push(round);
    parent.send("store", { id, results: [{ type: "done" }, { type: "failed", reason: "no room" }] });
  });
  const writer = remoteWriter(child, "disk");
  for (let count = 0; count < 2; count++) await writer.write([ACK, ACK]);
  assertEquals(rounds, [0, 1]);
});

test("remoteWriter() waits for what is under way when it is closed", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  const [parent, child] = channelPair();
  serveWriter(parent, writer, unexpected);
  const remote = remoteWriter(child, "disk");
  const asked = remote.write([{ type: "create_user", user: { name: "ann", password: "p" } }]);
  await remote.close();
  assertEquals(await asked, [{ type: "created", isNew: true }]);
});

test("serveWriter() tells of a request that makes no sense and goes on", async () => {
  await using folder = await temporaryFolder();
  await using writer = await openQuietWriter(folder.path);
  const [parent, child] = channelPair();
  const during: string[] = [];
  serveWriter(parent, writer, (_, context) => during.push(context.during));
  await using remote = remoteWriter(child, "disk");
  for (const body of ["text", { id: 1 }, { ops: [] }]) child.send("store", body);
  assertEquals(await remote.write([ACK]), [{ type: "done" }]);
  assertEquals(during, ["request", "request", "request"]);
});
