import process from "node:process";
import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openHandles } from "../../src/net/mod.ts";
import { childrenOf } from "../cli/program.ts";
import { eventually } from "../helpers.ts";
import { test } from "../testing.ts";
import { Client, type Served, type Subject, serve } from "./model_subject.ts";

/** The names of tests that a subject has a gap for. */
export const CRASHES = "an uncaught error ends the connections of its worker only, which is replaced";
export const KILLS = "a worker that is killed ends its own connections only, and is replaced";
export const LOOPS = "a worker that crashes again and again is started after growing delays";
export const BROKEN_START = "does not start with a module that cannot be imported, and leaves nothing";
export const BROKEN_LATER = "clients of a module that cannot be imported are reset, after growing delays";

export const HANGING_START = "an aborted signal ends a start that hangs, and leaves nothing";
export const HANGING_LATER = "close() ends a worker that never gets ready";

/** What every model promises about crashes, and about its end. */
export function testEndings(subject: Subject): void {
  testCrashes(subject);
  const promise = promises(subject);

  testHanging(subject);

  promise("close() lets what is under way finish, and takes nothing new", async () => {
    await using served = await serve(subject, { graceMs: 20_000 });
    const { server } = served;
    await using client = await Client.connect(server.address);
    assertEquals(await client.ask("hello"), "hello");
    const closing = server.close();
    await eventually("a refusal", () => isRefused(served));
    assertEquals(await client.ask("still here"), "still here");
    client.connection.end();
    assertEquals((await client.recorder.closed).reason, "finished");
    await closing;
    assertEquals(await server.closed, "closed");
  });

  promise("close() ends what is left after its grace", async () => {
    await using served = await serve(subject, { graceMs: 50 });
    await using client = await Client.connect(served.server.address);
    assertEquals(await client.ask("hello"), "hello");
    await served.server.close();
    await client.recorder.gone;
    assertEquals(served.ends, []);
  });

  promise("close() twice is one closing, and leaves no child and no handle", async () => {
    const before = [openHandles(), (await childrenOf(process.pid)).length];
    const { server } = await serve(subject, { workers: 2 });
    assertEquals(server.close(), server.close());
    await server.close();
    // The program that lists processes is one of our children while it does.
    assertEquals([openHandles(), (await childrenOf(process.pid)).length], before);
  });

  promise("an aborted signal ends everything at once", async () => {
    const abort = new AbortController();
    await using served = await serve(subject, { graceMs: 60_000, signal: abort.signal });
    await using client = await Client.connect(served.server.address);
    assertEquals(await client.ask("hello"), "hello");
    abort.abort();
    await client.recorder.gone;
    assertEquals(await served.server.closed, "aborted");
    assertEquals(served.ends, []);
  });
}

function testHanging(subject: Subject): void {
  const promise = promises(subject);
  const handler = new URL("./model/hanging_handler.ts", import.meta.url).href;

  promise(HANGING_START, async () => {
    const before = (await childrenOf(process.pid)).length;
    const abort = new AbortController();
    const starting = serve(subject, { signal: abort.signal, workers: 2 }, handler);
    starting.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error("enough"));
    await assertRejects(() => starting, Error, "enough");
    assertEquals((await childrenOf(process.pid)).length, before);
  });

  promise(HANGING_LATER, async () => {
    await using served = await serve(subject, {}, handler);
    await using client = await Client.connect(served.server.address);
    await eventually("the connection", () => served.server.connections === 1);
    await served.server.close();
    await client.recorder.gone;
    assertEquals(served.ends, []);
  });
}

function promises(subject: Subject): (name: string, body: () => Promise<void>) => void {
  return (name, body) => test(`${subject.name}: ${name}`, { skip: subject.gaps[name] }, body);
}

async function isRefused({ server }: Served): Promise<boolean> {
  try {
    const client = await Client.connect(server.address);
    client.connection.abort();
    await client.recorder.closed;
    return false;
  } catch {
    return true;
  }
}

/** Connects until somebody who is not in `known` answers. */
async function meet(served: Served, known: readonly string[], kept: Client[]): Promise<string> {
  let who = "";
  await eventually("another worker", async () => {
    try {
      const client = await Client.connect(served.server.address);
      kept.push(client);
      who = await client.ask("who");
      return !known.includes(who);
    } catch {
      return false;
    }
  });
  return who;
}

/** Ends one of two workers by a word under load: only its own clients notice, and there are two again. */
async function loseOne(subject: Subject, word: string): Promise<Served> {
  await using served = await serve(subject, { workers: 2 });
  const clients: Client[] = [];
  const doomed = await meet(served, [], clients);
  const other = await meet(served, [doomed], clients);
  const whose = new Map<Client, string>();
  for (const client of clients) whose.set(client, await client.ask("who"));
  const [first] = clients;
  assert(first);
  first.say(word);
  for (const [client, who] of whose) {
    if (who === doomed) await client.recorder.gone;
    else assertEquals(await client.ask("who"), who);
  }
  await eventually("the report", () => served.ends.length === 1);
  await meet(served, [doomed, other], clients);
  for (const client of clients) await client[Symbol.asyncDispose]();
  return served;
}

function testCrashes(subject: Subject): void {
  const promise = promises(subject);

  promise(CRASHES, async () => {
    const { ends } = await loseOne(subject, "crash");
    assertEquals(ends.length, 1);
  });

  promise(KILLS, async () => {
    const { ends } = await loseOne(subject, "kill");
    assertEquals(
      ends.map(({ end }) => end),
      [{ signal: "SIGKILL" }],
    );
  });

  promise(LOOPS, async () => {
    await using served = await serve(subject);
    for (let crashes = 1; crashes <= 3; crashes++) {
      const clients: Client[] = [];
      await meet(served, [], clients);
      clients.at(-1)?.say("crash");
      await eventually("the report", () => served.ends.length === crashes);
      for (const client of clients) await client[Symbol.asyncDispose]();
    }
    const [first, second = 0, third = 0] = served.ends.map(({ delayMs }) => delayMs);
    assertEquals([first, second >= 125, third >= 250], [0, true, true], JSON.stringify(served.ends));
  });

  promise(BROKEN_START, async () => {
    const before = (await childrenOf(process.pid)).length;
    for (const module of ["broken", "empty"]) {
      const handler = new URL(`./model/${module}_handler.ts`, import.meta.url).href;
      const error = await assertRejects(() => serve(subject, {}, handler), Error);
      assert(/broken on purpose|exports no function "accept"/.test(error.message), error.message);
    }
    assertEquals((await childrenOf(process.pid)).length, before);
  });

  promise(BROKEN_LATER, async () => {
    const handler = new URL("./model/broken_handler.ts", import.meta.url).href;
    await using served = await serve(subject, {}, handler);
    for (let turn = 0; turn < 3; turn++) {
      await using client = await Client.connect(served.server.address);
      await client.recorder.gone;
    }
    await eventually("three reports", () => served.ends.length === 3);
    const [first, second = 0, third = 0] = served.ends.map(({ delayMs }) => delayMs);
    assertEquals([first, second >= 125, third >= 250], [0, true, true]);
  });
}
