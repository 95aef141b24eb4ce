import { Buffer } from "node:buffer";
import { assertEquals, assertMatch } from "@std/assert";
import { ManualClock, wait, withDeadline } from "../../../src/async/mod.ts";
import { DEADLINE_MS } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { type ChatServers, chatServers } from "../chat_servers.ts";
import { HandSocket } from "./hand_socket.ts";

/** Lets time pass, second by second, until something has happened: within `most` seconds, however slowly this machine tells of it. */
async function passUntil(
  clock: ManualClock,
  over: Promise<unknown>,
  most: number,
  everySecond: () => void = () => undefined,
): Promise<void> {
  let isOver = false;
  void over.then(() => {
    isOver = true;
  });
  for (let second = 0; second < most && !isOver; second++) {
    everySecond();
    clock.advance(1000);
    await wait(10);
  }
  await withDeadline(over, DEADLINE_MS, `see it within ${most} s`);
}

async function start(): Promise<{ clock: ManualClock; cluster: ChatServers }> {
  const clock = new ManualClock();
  return { clock, cluster: await chatServers(1, { web: {}, clock }) };
}

test("a connection that asks for nothing is cut after 30 s, and one that sends its request slowly, too", async () => {
  const { clock, cluster } = await start();
  await using _cluster = cluster;
  await using silent = await HandSocket.connect(cluster.webAt(0));
  assertEquals(await silent.ask({ path: "/health" }), 200);
  await using slow = await HandSocket.connect(cluster.webAt(0));
  slow.connection.write(Buffer.from("GET / HTTP/1.1\r\nHost: "));
  let isOver = false;
  void slow.closed.then(() => {
    isOver = true;
  });
  // The HTTP server may have a limit of its own, which is not to be longer.
  await passUntil(clock, silent.closed, 32);
  for (let second = 0; second < 10 && !isOver; second++) {
    slow.connection.write(Buffer.from("x"));
    clock.advance(1000);
    await wait(10);
  }
  await withDeadline(slow.closed, DEADLINE_MS, "see the slow one cut");
});

/** A client that has been said goodbye to, and has not left: nobody logs in, and after 10 s it is told so. */
async function saidGoodbye(clock: ManualClock, cluster: ChatServers): Promise<HandSocket> {
  const { socket } = await HandSocket.upgrade(cluster.webAt(0));
  const told = (async () => {
    while (await socket.message());
  })();
  await passUntil(clock, told, 20);
  return socket;
}

test("a client that is said goodbye to and does not leave is cut after 10 s", async () => {
  const { clock, cluster } = await start();
  await using _cluster = cluster;
  await using socket = await saidGoodbye(clock, cluster);
  await passUntil(clock, socket.closed, 12);
  assertEquals(cluster.servers[0]?.connections, 0);
});

test("what a client sends after the goodbye does not let it stay longer", async () => {
  const { clock, cluster } = await start();
  await using _cluster = cluster;
  await using socket = await saidGoodbye(clock, cluster);
  await passUntil(clock, socket.closed, 12, () => socket.tell({ type: "ping" }));
});

test("a request with a body is answered, and its connection closed, since nobody reads the body", async () => {
  const { clock, cluster } = await start();
  await using _cluster = cluster;
  for (const [method, status] of [
    ["POST", 405],
    ["GET", 200],
  ] as const) {
    await using socket = await HandSocket.connect(cluster.webAt(0));
    const body = Buffer.alloc(1_000_000);
    const headers = { "content-length": `${body.length}` };
    const asked = socket.askForHead({ method, path: "/health", headers });
    socket.connection.write(body);
    const head = await asked;
    assertMatch(head, new RegExp(`^HTTP/1.1 ${status} `));
    assertMatch(head, /^connection: close\r?$/im);
    // The others end it at once; Deno's server waits for the body, and is cut as whoever does not leave.
    await passUntil(clock, socket.closed, 12);
  }
});
