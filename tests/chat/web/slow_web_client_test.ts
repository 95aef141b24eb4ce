import { assert, assertEquals } from "@std/assert";
import { wait } from "../../../src/async/mod.ts";
import { RawClient } from "../../helpers.ts";
import { RUNTIME, test } from "../../testing.ts";
import { type ChatServers, chatServers } from "../chat_servers.ts";
import { HandSocket } from "./hand_socket.ts";

const LOT = 50;
/** After so many lots that changed nothing of what waits, nothing moves any more. */
const STILL = 3;
/**
 * Two pairs of sockets are between the session and the client, each of which may hold tens of megabytes. Deno may count little of what waits, and
 * stops by the number of frames then.
 */
const MOST = RUNTIME === "deno" ? 3000 : 6000;
const MEBIBYTE = 1_048_576;

/** So many fill all that the system holds. */
const MOST_LOTS = 20;
/** Bun drops what it has queued this long after the goodbye, rounded up to its timer; the others keep it as long as the connection. */
const DROPPED_MS = RUNTIME === "bun" ? 6000 : 0;

const TEXT = "x".repeat(30_000);

async function sendLot(carl: RawClient): Promise<void> {
  await Promise.all(Array.from({ length: LOT }, () => carl.ask({ type: "send", to: "bob", text: TEXT })));
  carl.frames.splice(0);
}

/** Sends to bob until nothing of what waits for him moves any more: how much that is depends on what the sockets take after the pump has stopped. */
async function sendUntilStill(carl: RawClient, queuedBytes: () => number): Promise<number> {
  let count = 0;
  for (let still = 0, before = 0; still < STILL && count < MOST; before = queuedBytes()) {
    await sendLot(carl);
    count += LOT;
    still = queuedBytes() > 0 && queuedBytes() === before ? still + 1 : 0;
  }
  return count;
}

/** Bob, logged in by a WebSocket that he does not read from. */
async function unreadingBob(cluster: ChatServers): Promise<HandSocket> {
  const { socket: bob } = await HandSocket.upgrade(cluster.webAt(0));
  bob.tell({ type: "register", id: "1", name: "bob", password: "secret" });
  bob.tell({ type: "login", id: "2", name: "bob", password: "secret" });
  assertEquals([(await bob.message())?.type, (await bob.message())?.type], ["ok", "ok"]);
  bob.connection.pause();
  return bob;
}

function queuedForBob({ servers }: ChatServers): number {
  return servers[0]?.control.list({ user: "bob" })[0]?.queuedBytes ?? 0;
}

test("what a WebSocket does not read waits in the inbox, is told by lag, and all arrives when it reads", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using carl = await RawClient.login(cluster.at(0), "carl");
  await using bob = await unreadingBob(cluster);
  const queuedBytes = (): number => queuedForBob(cluster);
  let count = await sendUntilStill(carl, queuedBytes);
  const isSeen = RUNTIME === "deno" || count < MOST;
  assert(isSeen, `${queuedBytes()} bytes wait after ${count} messages`);
  // More than find room: they stay where they are.
  for (let more = 0; more < 4 * LOT; more++, count++) await carl.ask({ type: "send", to: "bob", text: TEXT });
  carl.frames.splice(0);
  assert(queuedBytes() < 1.5 * MEBIBYTE, `${queuedBytes()} bytes wait`);
  bob.connection.resume();
  const types = new Map<unknown, number>();
  for (let next = 1; next <= count; ) {
    const frame = await bob.message();
    types.set(frame?.type, (types.get(frame?.type) ?? 0) + 1);
    if (frame?.type !== "message") continue;
    assertEquals(frame.inbox, next);
    next += 1;
  }
  // Deno counts what is sent in one turn as queued, so that each lot may make one.
  const lags = types.get("lag") ?? 0;
  assert(lags >= 1 && lags <= (RUNTIME === "deno" ? count / LOT : 1), `${lags} times lag`);
  assertEquals(cluster.errors, []);
});

test("a slow client that is said goodbye to gets all that was queued, and why, when it reads some seconds later", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using carl = await RawClient.login(cluster.at(0), "carl");
  await using bob = await unreadingBob(cluster);
  for (let lots = 0; lots < MOST_LOTS && queuedForBob(cluster) < MEBIBYTE / 2; lots++) await sendLot(carl);
  await cluster.servers[0]?.control.closeUser("bob");
  await wait(DROPPED_MS);
  bob.connection.resume();
  const reasons: unknown[] = [];
  for (let next = 1, frame = await bob.message(); frame; frame = await bob.message()) {
    if (frame.type === "message") assertEquals(frame.inbox, next++);
    if (frame.type === "closing") reasons.push(frame.reason);
  }
  assertEquals([reasons, cluster.errors], [["operator"], []]);
});
