import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { NetError, openHandles } from "../../src/net/mod.ts";
import { eventually } from "../helpers.ts";
import { checkPattern, patternAt, sendPattern } from "../net/recording.ts";
import { HALF_CLOSE_BUG } from "../net/subjects.ts";
import { RUNTIME, test } from "../testing.ts";
import { testEndings } from "./model_ending_conformance.ts";
import { Client, type Subject, serve } from "./model_subject.ts";

const MIB = 1024 * 1024;

/** The names of tests that a subject has a gap for. */
export const ABORTS = "a handler's abort reaches the client as a reset";

export const LARGE_ANSWER = "a large answer to a slow client that has ended arrives";

/** Why a model whose connections are accepted by Deno itself has a gap for {@linkcode ABORTS}. */
export const NO_RESET = "Deno cannot send a reset: the client sees its connection end";

/** The gaps of a model whose clients talk to the native driver of the runtime. */
export const NATIVE_GAPS: Readonly<Record<string, string>> = RUNTIME === "deno" ? { [ABORTS]: NO_RESET } : {};

/** The gaps of a model whose clients talk to `node:net` on every runtime. */
export const SHARED_PORT_GAPS: Readonly<Record<string, string>> =
  RUNTIME === "deno" ? { [LARGE_ANSWER]: HALF_CLOSE_BUG } : {};

/** Every promise of a server model. */
export function testModel(subject: Subject): void {
  testBytes(subject);
  testBreaks(subject);
  testPlaces(subject);
  testEndings(subject);
}

function promises(subject: Subject): (name: string, body: () => Promise<void>) => void {
  return (name, body) => test(`${subject.name}: ${name}`, { skip: subject.gaps[name] }, body);
}

function testBytes(subject: Subject): void {
  const promise = promises(subject);

  promise("answers on the port it reports, and counts who is there", async () => {
    await using served = await serve(subject);
    const { server } = served;
    await using client = await Client.connect(server.address);
    assertEquals(await client.ask("hello"), "hello");
    await eventually("one connection", () => server.connections === 1);
    client.connection.end();
    assertEquals((await client.recorder.closed).reason, "finished");
    await eventually("no connection", () => server.connections === 0);
  });

  promise("echoes any bytes in any chunks", async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    await client.ask("begin");
    const { connection, recorder } = client;
    const chunks = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(chunks, async (sent) => {
        const before = recorder.bytes;
        for (const chunk of sent) connection.write(chunk);
        const whole = Buffer.concat(sent);
        await recorder.received(before + whole.length);
        const heard = Buffer.concat(recorder.chunks).subarray(before);
        assertEquals(Buffer.compare(whole, heard), 0);
      }),
      { numRuns: 25 },
    );
  });

  promise("carries 24 MiB both ways to a slow reader and holds little of it", async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    const { connection, recorder } = client;
    await client.ask("weigh");
    const start = recorder.bytes;
    const checker = checkPattern(client, () => {
      connection.pause();
      setImmediate(() => connection.resume());
    });
    sendPattern(client, 24 * MIB, 64 * 1024, "stays");
    await recorder.received(start + 24 * MIB);
    assertEquals(checker.offset, 24 * MIB);
    recorder.onData = undefined;
    connection.end();
    await recorder.closed;
    const most = Number(recorder.text.slice(start));
    assert(most < 2 * MIB, `${most} bytes were held`);
  });

  promise("an answer sent after the client has ended arrives", async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    client.say("late");
    client.connection.end();
    assertEquals((await client.recorder.closed).reason, "finished");
    assertEquals(client.recorder.text, "late answer");
  });

  promise(LARGE_ANSWER, async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    const { connection, recorder } = client;
    client.say("large");
    connection.pause();
    connection.end();
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    const checker = checkPattern(client);
    connection.resume();
    assertEquals((await recorder.closed).reason, "finished");
    assertEquals(checker.offset, 16 * MIB);
  });

  promise("a handler that has ended hears all that the client still sends", async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    client.say("deaf");
    await client.recorder.ended;
    client.connection.write(patternAt(0, MIB));
    client.connection.end();
    await eventually("what was heard", () => served.errors.length > 0);
    assertEquals(served.errors, [`heard ${MIB} bytes`]);
  });

  promise("what a handler writes before it closes arrives", async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    client.say("close");
    await client.recorder.ended;
    assertEquals(client.recorder.text, "goodbye");
  });
}

function testBreaks(subject: Subject): void {
  const promise = promises(subject);

  promise("a client's reset is told to its handler as a reset", async () => {
    await using served = await serve(subject);
    const client = await Client.connect(served.server.address);
    await client.ask("watch");
    client.connection.abort();
    await client.recorder.closed;
    await eventually("the reason", () => served.errors.length > 0);
    assertEquals(served.errors, ["closed: reset"]);
  });

  promise(ABORTS, async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    client.say("abort");
    assertEquals((await client.recorder.closed).reason, "reset");
  });

  promise("a handler that throws loses its own connection, and the error is told", async () => {
    await using served = await serve(subject);
    await using client = await Client.connect(served.server.address);
    client.say("throw");
    await client.recorder.gone;
    await eventually("the error", () => served.errors.length > 0);
    assertEquals([served.errors, served.ends], [["thrown in data"], []]);
    await using next = await Client.connect(served.server.address);
    assertEquals(await next.ask("hello"), "hello");
  });

  promise("a client that resets disturbs nobody else", async () => {
    await using served = await serve(subject);
    await using steady = await Client.connect(served.server.address);
    assertEquals(await steady.ask("one"), "one");
    await using rude = await Client.connect(served.server.address);
    assertEquals(await rude.ask("hello"), "hello");
    rude.connection.abort();
    for (let turn = 0; turn < 20; turn++) assertEquals(await steady.ask("again"), "again");
  });
}

function testPlaces(subject: Subject): void {
  const promise = promises(subject);

  promise("serves many connections at once", async () => {
    await using served = await serve(subject, { workers: 2 });
    const clients = await Promise.all(Array.from({ length: 6 }, () => Client.connect(served.server.address)));
    const answers = await Promise.all(clients.map((client, index) => client.ask(`hello ${index}`)));
    assertEquals(answers, ["hello 0", "hello 1", "hello 2", "hello 3", "hello 4", "hello 5"]);
    await eventually("all of them", () => served.server.connections === 6);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  promise("a connection beyond the limit waits, unread, until there is a place", async () => {
    await using served = await serve(subject, { maxConnections: 1 });
    await using first = await Client.connect(served.server.address);
    assertEquals(await first.ask("first"), "first");
    await using second = await Client.connect(served.server.address);
    second.say("second");
    for (let turn = 0; turn < 20; turn++) assertEquals(await first.ask("again"), "again");
    assertEquals(second.recorder.bytes, 0);
    first.connection.end();
    await second.recorder.received(6);
    assertEquals(second.recorder.text, "second");
  });

  promise("refuses a port that is taken with in_use", async () => {
    await using first = await serve(subject);
    const { address } = first.server;
    assert("port" in address);
    const error = await assertRejects(() => serve(subject, { listen: address }), NetError);
    assertEquals(error.code, "in_use");
  });

  promise("keeps no handle of connections that are over", async () => {
    const before = openHandles();
    await using served = await serve(subject);
    for (let turn = 0; turn < 3; turn++) {
      const client = await Client.connect(served.server.address);
      await client.ask("hello");
      client.connection.end();
      await client.recorder.closed;
    }
    await using last = await Client.connect(served.server.address);
    // In a reactor: its listener and this connection. In our process, the client too. In a worker of one connection, that one.
    const there = Number(await last.ask("handles"));
    assert(there <= 2 + before + 1, `${there} handles`);
    await eventually("our own to close", () => openHandles() <= before + 4);
  });
}
