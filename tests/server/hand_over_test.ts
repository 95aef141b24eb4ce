import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, Socket } from "node:net";
import process from "node:process";
import { promisify } from "node:util";
import { assert, assertEquals } from "@std/assert";
import { MAX_UNTAKEN } from "../../src/server/hand_over.ts";
import { type Child, handOver, startChild } from "../../src/server/mod.ts";
import { Signal } from "../helpers.ts";
import { test } from "../testing.ts";

const TAKER = new URL("./taker_child.ts", import.meta.url).href;

/** A server that gives each connection away, and clients of it. */
async function frontDoor(take: (socket: Socket) => void) {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, take);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const clients: Socket[] = [];
  return {
    knock(text: string): Socket {
      const client = connect(address.port, "127.0.0.1");
      client.on("error", () => undefined);
      client.write(text);
      clients.push(client);
      return client;
    },
    [Symbol.dispose]() {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
}

async function started(): Promise<Child> {
  const child = await startChild(TAKER, []);
  const isReady = new Signal<unknown>();
  child.channel.on("ready", isReady.fire);
  await isReady.wait("the child");
  return child;
}

/** Ends that a test does not look at. */
const IGNORED = { closed: () => undefined, reset: () => undefined };

test("connections reach the child whatever is said on the channel between them", async () => {
  const child = await started();
  const link = handOver(child.channel);
  let echoes = 0;
  const isDone = new Signal<void>();
  child.channel.on("echo", () => {
    echoes += 1;
    if (echoes === 300) isDone.fire();
  });
  using door = await frontDoor((socket) => {
    for (let index = 0; index < 3; index++) child.channel.send("echo", { index, bytes: new Uint8Array(500) });
    assert(link.send(socket, { ...IGNORED, returned: () => undefined }));
  });
  const answers = Array.from({ length: 100 }, async (_, index) => {
    const [answer] = await once(door.knock(`hello ${index}`), "data");
    assertEquals(String(answer), `taken: hello ${index}`);
  });
  await Promise.all([...answers, isDone.wait("300 echoes")]);
  assertEquals(link.connections, 100);
  child.kill("SIGKILL");
  await child.exited;
});

test("the end of a connection is reported, whichever side ends it", async () => {
  const child = await started();
  const link = handOver(child.channel);
  const isClosed = new Signal<void>();
  using door = await frontDoor((socket) => {
    link.send(socket, { ...IGNORED, closed: isClosed.fire, returned: () => assert(false, "it was taken") });
  });
  const client = door.knock("hello");
  await once(client, "data");
  client.end();
  await isClosed.wait("the report");
  assertEquals(link.connections, 0);
  child.kill("SIGKILL");
  await child.exited;
});

test("what a frozen child has not taken when it is killed comes back unread and can be handed to another", async () => {
  const [frozen, other] = await Promise.all([started(), started()]);
  const toFrozen = handOver(frozen.channel);
  const toOther = handOver(other.channel);
  frozen.kill("SIGSTOP");
  let sent = 0;
  const allSent = new Signal<void>();
  using door = await frontDoor((socket) => {
    const returned = (): void => void toOther.send(socket, { ...IGNORED, returned: () => undefined });
    toFrozen.send(socket, { ...IGNORED, returned });
    sent += 1;
    if (sent === 10) allSent.fire();
  });
  const answers = Array.from({ length: 10 }, async (_, index) =>
    String((await once(door.knock(`${index}`), "data"))[0]),
  );
  await allSent.wait("10 connections");
  frozen.kill("SIGKILL");
  assertEquals(
    await Promise.all(answers),
    Array.from({ length: 10 }, (_, index) => `taken: ${index}`),
  );
  other.kill("SIGKILL");
  await Promise.all([frozen.exited, other.exited]);
});

/** Hands 20 connections to a child that takes nothing, kills it, and resets what comes back: all 20 clients are to see the end. */
async function killWithConnections(): Promise<void> {
  const child = await started();
  const link = handOver(child.channel);
  child.kill("SIGSTOP");
  const [allSent, allOver] = [new Signal<void>(), new Signal<void>()];
  using door = await frontDoor((socket) => {
    link.send(socket, { ...IGNORED, returned: () => socket.resetAndDestroy() });
    if (link.connections === 20) allSent.fire();
  });
  let over = 0;
  for (let index = 0; index < 20; index++) {
    const client = door.knock("x").resume();
    client.on("close", () => {
      over += 1;
      if (over === 20) allOver.fire();
    });
  }
  await allSent.wait("20 connections");
  child.kill("SIGKILL");
  await allOver.wait("the end of 20 connections");
}

async function descriptors(): Promise<number> {
  // Deno reads no such directory itself, unless it may do all.
  const { stdout } = await promisify(execFile)("ls", [`/proc/${process.pid}/fd`]);
  return stdout.trim().split("\n").length;
}

test(
  "the clients of a child that is killed hear of the end when its connections are given up",
  killWithConnections,
);

// Deno closes what is left over after most of a minute, when it collects garbage.
test("a child that is killed with connections on their way leaves no descriptor open", {
  timeoutMs: 20_000,
}, async () => {
  await killWithConnections();
  const before = await descriptors();
  for (let round = 0; round < 3; round++) await killWithConnections();
  while ((await descriptors()) > before) await new Promise((resolve) => setTimeout(resolve, 50));
});

test("a connection that cannot be sent makes room for one that waits", async () => {
  const sent: unknown[] = [];
  const { promise: closed } = Promise.withResolvers<void>();
  const link = handOver({
    closed,
    received: 0,
    on: () => undefined,
    send(_topic, body, _socket, onSent) {
      sent.push(body);
      if (body === 1) queueMicrotask(() => onSent?.(new Error("it is out of descriptors")));
      return true;
    },
  });
  const isReturned = new Signal<void>();
  for (let index = 0; index <= MAX_UNTAKEN; index++)
    link.send(new Socket(), { ...IGNORED, returned: isReturned.fire });
  assertEquals(sent.length, MAX_UNTAKEN);
  await isReturned.wait("the first connection");
  assertEquals([sent.length, link.connections], [MAX_UNTAKEN + 1, MAX_UNTAKEN]);
});

test("a child that is given 2,000 connections at once takes all of them, in its turn", async () => {
  const child = await started();
  const link = handOver(child.channel);
  using door = await frontDoor((socket) => {
    assert(link.send(socket, { ...IGNORED, returned: () => assert(false, "it is alive") }));
  });
  child.kill("SIGSTOP");
  const answers = Array.from({ length: 2000 }, async (_, index) =>
    String((await once(door.knock(`${index}`), "data"))[0]),
  );
  child.kill("SIGCONT");
  assertEquals(
    await Promise.all(answers),
    Array.from({ length: 2000 }, (_, index) => `taken: ${index}`),
  );
  child.kill("SIGKILL");
  await child.exited;
});

test("of 600 connections for a child that takes nothing no more than allowed are on their way, and the others come back when it is given up", async () => {
  const child = await started();
  const link = handOver(child.channel);
  child.kill("SIGSTOP");
  const allSent = new Signal<void>();
  const outcomes = { closed: 0, reset: 0, returned: 0 };
  using door = await frontDoor((socket) => {
    link.send(socket, {
      closed() {
        outcomes.closed += 1;
      },
      reset() {
        outcomes.reset += 1;
      },
      returned() {
        outcomes.returned += 1;
        socket.destroy();
      },
    });
    if (link.connections === 600) allSent.fire();
  });
  for (let index = 0; index < 600; index++) door.knock("x");
  await allSent.wait("600 connections");
  link.resetUntaken();
  assertEquals(
    [outcomes, link.connections],
    [{ closed: 0, reset: MAX_UNTAKEN, returned: 600 - MAX_UNTAKEN }, 0],
  );
  child.kill("SIGKILL");
  await child.exited;
});

test("the clients of a child that hangs hear at once of the end of what it has not taken, and it goes on afterwards", async () => {
  const child = await started();
  const link = handOver(child.channel);
  child.kill("SIGSTOP");
  const [isSent, isOver] = [new Signal<void>(), new Signal<void>()];
  using door = await frontDoor((socket) => {
    link.send(socket, { ...IGNORED, returned: () => undefined });
    isSent.fire();
  });
  const client = door.knock("x");
  client.on("close", () => isOver.fire()).resume();
  await isSent.wait("the connection");
  link.resetUntaken();
  await isOver.wait("its end");
  const isEchoed = new Signal<unknown>();
  child.channel.on("echo", isEchoed.fire);
  child.kill("SIGCONT");
  child.channel.send("echo", "still there");
  assertEquals(await isEchoed.wait("the child"), "still there");
  child.kill("SIGKILL");
  await child.exited;
});
