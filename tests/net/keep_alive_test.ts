import { execFileSync } from "node:child_process";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { keepAliveMs } from "../../src/net/keep_alive.ts";
import {
  type Address,
  adopt,
  type Connection,
  type Driver,
  listenPaused,
  nodeDriver,
  systemDriver,
} from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import { connectionPair, LOOPBACK, Recorder } from "./recording.ts";

const SKIP = process.platform === "linux" ? undefined : "only Linux tells of its timers";
/** What is left of it at least when it is looked at: a machine may be busy. */
const LEAST_MS = 30_000;

function portOf(address: Address): string {
  return ("port" in address ? address.port : 0).toString(16).toUpperCase().padStart(4, "0");
}

/** Fails unless the system leaves a connection of these ends time before it asks whether the other side lives. */
function assertPatient(ends: readonly (readonly [local: Address, remote: Address])[]): void {
  const table = execFileSync("cat", ["/proc/net/tcp"], { encoding: "utf8", maxBuffer: 2 ** 28 });
  for (const [local, remote] of ends) {
    const pattern = new RegExp(`: \\w+:${portOf(local)} \\w+:${portOf(remote)} \\w+ \\S+ (\\w+):(\\w+) `);
    const [, kind, when = ""] = pattern.exec(table) ?? [];
    assertEquals(kind, "02", "keepalive is on");
    // In hundredths of a second.
    const ms = Number.parseInt(when, 16) * 10;
    assert(ms > LEAST_MS, `the system asks after ${ms} ms`);
  }
}

test("keepalive: asks after 60 to 90 s, each connection after another time", () => {
  assertEquals(
    keepAliveMs(() => 0),
    60_000,
  );
  assertEquals(
    keepAliveMs(() => 0.5),
    75_000,
  );
  assert(keepAliveMs(() => 1 - Number.EPSILON) < 90_000);
  assert(new Set(Array.from({ length: 100 }, () => keepAliveMs())).size > 50);
});

for (const driver of new Map([nodeDriver(), systemDriver()].map((each) => [each.name, each])).values())
  testDriver(driver);

function testDriver(driver: Driver): void {
  test(`keepalive: ${driver.name} driver: leaves the system time before it asks, on both sides`, {
    skip: SKIP,
  }, async () => {
    await using pair = await connectionPair(driver);
    const connections = [pair.client.connection, pair.server.connection];
    assertPatient(connections.map(({ local, remote }) => [local, remote]));
  });
}

test("keepalive: the same for a connection that was accepted elsewhere", { skip: SKIP }, async () => {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const server = new Recorder();
  await using listener = await listenPaused(LOOPBACK, ({ native }) => {
    resolve(adopt(native, () => server));
  });
  const client = await nodeDriver().connect(listener.address, new Recorder());
  const { local, remote } = await promise;
  assertPatient([[local, remote]]);
  client.abort();
  await server.closed;
});
