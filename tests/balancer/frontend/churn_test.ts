import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock, type Timer } from "../../../src/async/mod.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { type Address, type Connection, memoryNetwork } from "../../../src/net/mod.ts";
import { encodeProxyHeader } from "../../../src/wire/mod.ts";
import { Recorder } from "../../net/recording.ts";
import { test } from "../../testing.ts";
import { greeted, greeter, poolAt, until } from "./frontends.ts";
import { frontendFor, listOf } from "./listening.ts";

/** Numbers that look drawn and are the same each time. */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The clock of this machine, with a count of its timers. */
function countingClock(): Clock & { pending(): number } {
  const timers = new Set<Timer>();
  return {
    ...systemClock,
    pending: () => timers.size,
    after(delayMs, callback) {
      const timer = systemClock.after(delayMs, () => {
        timers.delete(counted);
        callback();
      });
      const counted: Timer = {
        cancel() {
          timers.delete(counted);
          timer.cancel();
        },
      };
      timers.add(counted);
      return counted;
    },
  };
}

const LISTEN: Address = { host: "10.0.0.2", port: 80 };

const HOSTS = 20;

/** What a client says in all, with a header and a key. */
function speech(draw: (below: number) => number, host: number = draw(HOSTS)): Buffer {
  const source = { host: `192.0.2.${host}`, port: 1 };
  const header = { kind: "relayed", transport: "stream", source, destination: source, tlvs: [] } as const;
  const login = `{"type":"login","name":"user${draw(50)}"}\n${"x".repeat(draw(2000))}`;
  return Buffer.concat([encodeProxyHeader(header, 2), Buffer.from(login)]);
}

test("1,600 clients and servers who reset, end or stay silent at every stage leave no client, place, address or timer behind", async () => {
  const draw = drawing(7);
  const { driver } = memoryNetwork({ maxChunkBytes: 300 });
  const servers = new Set<Connection>();
  const addresses = [1, 2, 3].map((port) => ({ host: "10.0.0.1", port }));
  const listeners = await Promise.all(
    addresses.map((address) =>
      driver.listen(address, (connection) => {
        servers.add(connection);
        const isRude = draw(10) === 0;
        return {
          data: (_, chunk) => (isRude ? connection.abort() : void connection.write(chunk)),
          end: () => connection.end(),
          close: () => void servers.delete(connection),
        };
      }),
    ),
  );
  const pool = createPool({ name: "keyed", policy: "key-hash", key: { from: "json", field: "name" } });
  for (const address of addresses) pool.add({ address, maxConnections: 40 });
  pool.configure({ queue: { limit: 20, timeoutMs: 50 } });
  const settings = {
    proxyProtocol: { trusted: listOf("10.0.0.0/8") },
    access: { maxConnectionsPerClient: 12, maxConnections: 150 },
    timeouts: { prereadMs: 100 },
  };
  const clock = countingClock();
  await using world = await frontendFor(pool, { driver, listen: LISTEN, settings, clock });
  let left = 0;

  async function client(): Promise<void> {
    const recorder = new Recorder();
    const connection = await driver.connect(LISTEN, recorder);
    recorder.onEnd = () => connection.end();
    const words = speech(draw);
    // Most say all of it; the others break off anywhere.
    connection.write(words.subarray(0, draw(3) === 0 ? draw(words.length) : words.length));
    const turns = draw(6);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (draw(2) === 0) connection.end();
    else connection.abort();
    await recorder.closed;
    left += 1;
  }
  for (let wave = 0; wave < 8; wave++) await Promise.all(Array.from({ length: 200 }, client));

  assertEquals(left, 1600);
  await until("the end of all clients", () => world.frontend.connections === 0);
  const { counters } = world.frontend;
  const full = counters.refused.client_full;
  assertEquals([counters.total, counters.refusedTotal + world.told.reasons.length], [1600, 1600]);
  assertEquals(world.told.lines.filter((line) => line.startsWith("refused")).length, counters.refusedTotal);
  assert(world.told.reasons.length > 300, `only ${world.told.reasons.length} were served`);
  assertEquals([world.table.size, pool.queued], [0, 0]);
  assertEquals(
    Array.from(pool.backends(), ({ active }) => active),
    [0, 0, 0],
  );
  const ended = Array.from(pool.backends(), ({ counters }) => Object.values(counters.ended)).flat();
  assertEquals(
    ended.reduce((sum, count) => sum + count, 0),
    world.told.reasons.length,
  );
  assertEquals(clock.pending(), 0);
  await until("the end of all servers", () => servers.size === 0);
  // No address counts a client who has left.
  world.frontend.configure({ ...settings, access: { maxConnectionsPerClient: 1 } });
  for (let host = 0; host < HOSTS; host++) {
    const connection = await driver.connect(LISTEN, new Recorder());
    connection.write(speech(draw, host));
    await until("the client", () => counters.total === 1601 + host && world.frontend.connections === 1);
    connection.abort();
    await until("the end of the client", () => world.frontend.connections === 0);
  }
  assertEquals(counters.refused.client_full, full);
  await Promise.all(listeners.map((listener) => listener.close()));
});

test("1,000 short connections through real sockets are all served, and nothing of them is left", async () => {
  await using server = await greeter("s");
  await using world = await frontendFor(poolAt([server.address]), {
    settings: { access: { maxConnectionsPerClient: 50 } },
  });
  for (let round = 0; round < 20; round++) {
    const visitors = await Promise.all(Array.from({ length: 50 }, () => greeted(world.frontend)));
    for (const { connection } of visitors) connection.end();
    await Promise.all(visitors.map(({ recorder }) => recorder.closed));
    await until("the end of all clients", () => world.frontend.connections === 0);
  }
  const { counters } = world.frontend;
  assertEquals([counters.total, counters.refusedTotal, world.table.size], [1000, 0, 0]);
  assertEquals(new Set(world.told.reasons), new Set(["finished"]));
});
