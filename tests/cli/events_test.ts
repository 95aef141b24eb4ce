import { assert, assertEquals, assertMatch } from "@std/assert";
import { followEvents } from "../admin/followers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { partAddress, startProgram } from "./program.ts";

const ARGS = ["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", ":memory:"];

test("who follows an up sees its servers with their heartbeats, and what they count", async () => {
  await using program = startProgram([...ARGS, "--servers", "1"]);
  const parts = await program.ready();
  await using reader = await followEvents(`http://${parts.admin}/api/events`);
  const first = await reader.next();
  assertEquals(first?.data.health.role, "up");
  assertMatch(first?.data.backends[0].heartbeats, /^\++$/);
  assertEquals(first?.data.servers[0].sessions, 0);
  await using ada = await RawClient.login(partAddress(parts, "tcp"), "ada");
  await ada.ask({ type: "send", id: "1", to: "ada", text: "hello" });
  let received = 0;
  for (let event = await reader.next(); event && received === 0; event = await reader.next())
    received = event.data.servers?.[0]?.received ?? 0;
  assertEquals(received, 1);
});

test("an up that is told to end ends those who follow it, with exit code 0", async () => {
  await using program = startProgram([...ARGS, "--servers", "1"]);
  const { admin } = await program.ready();
  await using reader = await followEvents(`http://${admin}/api/events`);
  await reader.next();
  const startedAt = performance.now();
  program.signal("SIGTERM");
  while (await reader.next());
  assertEquals(await program.end(), 0);
  assert(performance.now() - startedAt < 5000, "it waited for those who follow");
});
