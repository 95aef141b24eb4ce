import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { RUNTIME, test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

const COUNT = 20_000;
/** Of one lot: as many as one client may have under way. */
const LOT = 200;

test("20,000 messages to a client that does not read leave the memory flat, make one lag, and all arrive when it reads", {
  timeoutMs: 60_000,
}, async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using carl = await RawClient.login(cluster.at(0), "carl", { device: "d" });
  await using bob = await RawClient.login(cluster.at(0), "bob");
  bob.connection.pause();
  const text = "x".repeat(500);
  const sendLot = (lot: number) =>
    Promise.all(
      Array.from({ length: LOT }, (_, index) =>
        carl.ask({ type: "send", to: "bob", text: `${lot * LOT + index} ${text}` }),
      ),
    );
  // What the sender in this process keeps of its own copies is not the server's.
  const forget = (): void => void carl.frames.splice(0);
  for (let lot = 0; lot < 10; lot++) await sendLot(lot);
  forget();
  const before = heapBytes();
  for (let lot = 10; lot < COUNT / LOT; lot++) {
    await sendLot(lot);
    forget();
  }
  const grown = heapBytes() - before;
  assert(bob.messages.length < 2000, "the client was to read nothing");
  assertEquals((await ada.ask({ type: "send", to: "ada", text: "unharmed" })).type, "ok");
  bob.connection.resume();
  await bob.until("the last message", () => (bob.frames.at(-1)?.inbox === COUNT ? true : undefined));
  const received = bob.messages;
  const wrong = received.findIndex(
    ({ inbox, text: found }, index) => inbox !== index + 1 || !String(found).startsWith(`${index} `),
  );
  assertEquals(wrong, -1);
  assertEquals(bob.frames.filter(({ type }) => type === "lag").length, 1);
  // 9 MB of text came meanwhile.
  assert(grown < 6_000_000, `the memory has grown by ${grown} bytes on ${RUNTIME}`);
});

/** Bytes of what lives. */
function heapBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function collectGarbage(): void {
  const { Bun: bun } = globalThis as { Bun?: { gc(isForced: boolean): void } };
  if (bun) {
    bun.gc(true);
    return;
  }
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
