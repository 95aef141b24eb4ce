import { assertEquals } from "@std/assert";
import { type Clock, ManualClock } from "../../../src/async/mod.ts";
import { connectChat, tcpDial } from "../../../src/chat/mod.ts";
import { type Connection, memoryNetwork } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";

const SERVER = { host: "server", port: 1 };
const PONG = { type: "pong", server: "s" };

/** A server that answers the login of each who comes, and after that only pings, if at all, and what it is told to say. */
async function silentServer({ isAnswering = false } = {}) {
  const network = memoryNetwork();
  let pings = 0;
  const connections: Connection[] = [];
  const listener = await network.driver.listen(SERVER, (connection) => {
    connections.push(connection);
    return {
      data(_, chunk) {
        const { type, id } = JSON.parse(new TextDecoder().decode(chunk)) as { type: string; id: string };
        const answer = { type: "ok", id, user: "ada", token: "t", server: "s", epoch: "e", inbox: 0 };
        if (type === "login") connection.write(new TextEncoder().encode(`${JSON.stringify(answer)}\n`));
        if (type !== "ping") return;
        pings += 1;
        if (isAnswering) connection.write(new TextEncoder().encode(`${JSON.stringify(PONG)}\n`));
      },
      end: (ended) => ended.end(),
      close: () => undefined,
    };
  });
  return {
    dial: tcpDial(network.driver, [SERVER]),
    get connections() {
      return connections.length;
    },
    get pings() {
      return pings;
    },
    say: (text: string) => connections[0]?.write(new TextEncoder().encode(text)),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

/** Lets everything that can run without the clock run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("a client leaves a server that sends a long frame slowly alone: what has come of it is a sign of life, too", async () => {
  const clock = new ManualClock();
  await using server = await silentServer();
  await using _ = await connectChat({ dial: server.dial, credentials: { token: "t" }, clock });
  clock.advance(30_000);
  for (let seconds = 0; seconds < 20; seconds++) {
    await settled();
    server.say("x");
    await settled();
    clock.advance(1000);
  }
  await settled();
  clock.advance(5000);
  await settled();
  assertEquals(server.connections, 1);
});

/** A clock of a process that stands still now and then: whatever was due meanwhile is called after that, before anything is read. */
function stallingClock(): Clock & { stall(ms: number): void } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    wallNow: () => now,
    after(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    stall(ms) {
      now += ms;
      for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.callback();
    },
  };
}

test("a client whose process stood still reads what has come meanwhile before it takes its connection for dead", async () => {
  const clock = stallingClock();
  await using server = await silentServer();
  await using _ = await connectChat({ dial: server.dial, credentials: { token: "t" }, clock });
  clock.stall(30_000);
  await settled();
  server.say(`${JSON.stringify(PONG)}\n`);
  clock.stall(60_000);
  for (let seconds = 0; seconds < 10; seconds++) {
    await settled();
    clock.stall(1000);
  }
  await settled();
  assertEquals(server.connections, 1);
});

test("a client whose process stood still finds a dead connection none the less, a second later", async () => {
  const clock = stallingClock();
  await using server = await silentServer();
  await using _ = await connectChat({ dial: server.dial, credentials: { token: "t" }, clock });
  clock.stall(30_000);
  await settled();
  clock.stall(60_000);
  await settled();
  clock.stall(1000);
  await settled();
  clock.stall(1000);
  await settled();
  assertEquals(server.connections, 2);
});

test("a client in a page that nobody sees, whose timers are called once a minute, pings each time", async () => {
  const clock = stallingClock();
  await using server = await silentServer({ isAnswering: true });
  await using _ = await connectChat({ dial: server.dial, credentials: { token: "t" }, clock });
  for (let minute = 1; minute <= 10; minute++) {
    clock.stall(60_000);
    await settled();
    assertEquals([server.pings, server.connections], [minute, 1]);
  }
});
