import { assert, assertEquals } from "@std/assert";
import { wait } from "../../../src/async/mod.ts";
import { RawClient } from "../../helpers.ts";
import { RUNTIME, test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { HandSocket } from "./hand_socket.ts";

const COUNT = 1200;
const LOT = 50;
const MEBIBYTE = 1_048_576;

test("36 MB for a WebSocket that does not read wait in the inbox, are told by lag, and all arrive when it reads", async () => {
  await using cluster = await chatServers(1, { web: {} });
  await using carl = await RawClient.login(cluster.at(0), "carl");
  const { socket: bob } = await HandSocket.upgrade(cluster.webAt(0));
  await using _ = bob;
  bob.tell({ type: "register", id: "1", name: "bob", password: "secret" });
  bob.tell({ type: "login", id: "2", name: "bob", password: "secret" });
  assertEquals([(await bob.message())?.type, (await bob.message())?.type], ["ok", "ok"]);
  bob.connection.pause();
  const text = "x".repeat(30_000);
  for (let lot = 0; lot < COUNT / LOT; lot++) {
    const sends = Array.from({ length: LOT }, () => carl.ask({ type: "send", to: "bob", text }));
    await Promise.all(sends);
    carl.frames.splice(0);
  }
  const queuedBytes = (): number => cluster.servers[0]?.control.list({ user: "bob" })[0]?.queuedBytes ?? 0;
  // What it may take until it takes no more is on its way for a moment.
  for (let turn = 0; turn < 200 && queuedBytes() < 500_000; turn++) await wait(20);
  assert(queuedBytes() > 500_000 && queuedBytes() < 1.5 * MEBIBYTE, `${queuedBytes()} bytes wait`);
  bob.connection.resume();
  const types = new Map<unknown, number>();
  for (let next = 1; next <= COUNT; ) {
    const frame = await bob.message();
    types.set(frame?.type, (types.get(frame?.type) ?? 0) + 1);
    if (frame?.type !== "message") continue;
    assertEquals(frame.inbox, next);
    next += 1;
  }
  // Deno counts what is sent in one turn as queued, so that each lot may make one.
  const lags = types.get("lag") ?? 0;
  assert(lags >= 1 && lags <= (RUNTIME === "deno" ? COUNT / LOT : 1), `${lags} times lag`);
  assertEquals(cluster.errors, []);
});
