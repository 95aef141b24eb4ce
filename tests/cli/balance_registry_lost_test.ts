import { assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { systemDriver } from "../../src/net/mod.ts";
import { eventually } from "../helpers.ts";
import { Recorder } from "../net/recording.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { backendProcess, shownBackends } from "./backends.ts";
import { type Program, partAddress, startProgram } from "./program.ts";

test("a Redis that stops for longer than every lease and starts again, empty, empties no pool", {
  timeoutMs: 60_000,
}, async () => {
  await using redis = await redisServer();
  await using backend = await backendProcess("a");
  const balance = (...flags: string[]) =>
    startProgram([
      "balance",
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--redis",
      redis.url,
      ...flags,
    ]);
  // An inner balancer before a server, and an outer one that knows the inner one by the registry alone.
  await using inner = startProgram([
    "balance",
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "none",
    "--backend",
    backend.address,
    "--redis",
    redis.url,
    "--advertise",
    "127.0.0.1:0",
    "--advertise-pool",
    "inner",
  ]);
  await inner.ready();
  await using outer = balance("--pool", "inner", "--heartbeat", "tcp");
  const { admin } = await outer.ready();
  const up = async (): Promise<boolean> =>
    Object.values(await shownBackends(admin)).filter(({ state }) => state === "up").length === 1;
  await eventually("the inner balancer", up);
  using clients = await oneClient(outer);
  await redis.stop();
  const end = performance.now() + 7000;
  while (performance.now() < end) {
    assertEquals(await up(), true);
    await clients.echo();
    await wait(50);
  }
  await redis.restart();
  const after = performance.now() + 3000;
  while (performance.now() < after) {
    assertEquals(await up(), true);
    await wait(50);
  }
  await clients.echo();
});

/** One client that asks again and again over one connection. */
async function oneClient(program: Program) {
  const recorder = new Recorder();
  const connection = await systemDriver().connect(partAddress(await program.ready(), "tcp"), recorder);
  return {
    async echo(): Promise<void> {
      const { bytes } = recorder;
      connection.write(new TextEncoder().encode("WHO\n"));
      await recorder.received(bytes + 2);
    },
    [Symbol.dispose]: () => connection.abort(),
  };
}
