import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually, RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { backendProcess, shownBackends } from "./backends.ts";
import { partAddress, startProgram } from "./program.ts";

const LOOPBACK = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

async function health(admin: string | undefined): Promise<number> {
  return (await fetch(`http://${admin}/health`)).status;
}

async function change(admin: string | undefined, path: string, body: object): Promise<number> {
  const response = await fetch(`http://${admin}${path}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.body?.cancel();
  return response.status;
}

test("a balancer that can serve nobody is not healthy: its pool drains, or no backend has a weight", async () => {
  await using backend = await backendProcess("a");
  await using program = startProgram(["balance", ...LOOPBACK, "--backend", backend.address]);
  const { admin } = await program.ready();
  await eventually("healthy", async () => (await health(admin)) === 200);
  assertEquals(await change(admin, "/api/pools/default", { state: "draining" }), 200);
  assertEquals(await health(admin), 503);
  assertEquals(await change(admin, "/api/pools/default", { state: "enabled" }), 200);
  assertEquals(await health(admin), 200);
  const path = `/api/pools/default/backends/${encodeURIComponent(backend.address)}`;
  assertEquals(await change(admin, path, { weight: 0 }), 200);
  assertEquals(await health(admin), 503);
});

test("why a backend is down is in the log and in the API, until it has answered", async () => {
  await using backend = await backendProcess("a");
  const flags = ["--heartbeat", "http", "--heartbeat-interval", "100ms", "--backend", backend.address];
  await using program = startProgram(["balance", ...LOOPBACK, ...flags]);
  const { admin } = await program.ready();
  const shown = async () =>
    (await shownBackends(admin))[backend.address] as { state: string; lastError?: string } | undefined;
  await eventually("up", async () => (await shown())?.state === "up");
  assertEquals((await shown())?.lastError, undefined);
  await backend.kill();
  await program.says("is down, was suspect; missed 3: Cannot connect to");
  assertStringIncludes((await shown())?.lastError ?? "", "refused");
});

test("weights that round-robin does not look at are said at the start and by --check", async () => {
  const flags = ["balance", ...LOOPBACK, "--backend", "127.0.0.1:1,weight=3"];
  await using check = startProgram([...flags, "--check"]);
  assertEquals(await check.end(), 0);
  assertStringIncludes(
    check.stdout,
    'warning: pool "default" has weights, which round-robin does not look at',
  );
  await using program = startProgram(flags);
  await program.says("has weights, which round-robin does not look at");
});

test("a client that neither speaks nor leaves holds the end of a balancer up no longer than its grace", async () => {
  await using backend = await backendProcess("a");
  await using program = startProgram([
    "balance",
    ...LOOPBACK,
    "--grace",
    "500ms",
    "--backend",
    backend.address,
  ]);
  await using _silent = await RawClient.connect(partAddress(await program.ready(), "tcp"));
  const started = performance.now();
  program.signal("SIGTERM");
  assertEquals(await program.end(), 0);
  const tookMs = performance.now() - started;
  assert(tookMs < 2000, `it took ${Math.round(tookMs)} ms`);
});
