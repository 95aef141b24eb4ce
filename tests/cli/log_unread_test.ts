import { join } from "node:path";
import process from "node:process";
import { assertEquals } from "@std/assert";
import { type Address, NetError } from "../../src/net/mod.ts";
import { eventually, RawClient, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { childrenOf, type Program, partAddress, startProgram } from "./program.ts";

const COMMON = ["--listen", "127.0.0.1:0", "--grace", "300ms"];

/** Starts a program whose log nobody reads any more. */
async function startUnread(...args: string[]): Promise<Program> {
  const program = startProgram(args);
  await program.ready();
  program.closeErrors();
  return program;
}

for (const [kind, ...flags] of [
  ["up", "--servers", "2"],
  ["chat", "--workers", "2"],
] as const) {
  test(`${kind} of several processes goes on when nobody reads its log any more, and starts one that has died again`, async () => {
    using folder = temporaryFolder();
    await using program = await startUnread(kind, ...flags, ...COMMON, "--data", join(folder.path, "data"));
    const tcp = partAddress(await program.ready(), "tcp");
    const before = await childrenOf(program.pid);
    // Which is logged.
    process.kill(before[0] ?? 0, "SIGKILL");
    await eventually("as many servers as before", async () => {
      const now = await childrenOf(program.pid);
      return now.length === before.length && now.some((pid) => !before.includes(pid));
    });
    await using ada = await RawClient.login(tcp, "ada");
    assertEquals((await ada.ask({ type: "ping" })).type, "pong");
    program.signal("SIGTERM");
    assertEquals((await ada.next("closing")).reason, "draining");
    assertEquals(await program.end(), 0);
  });
}

test("chat whose log nobody reads any more still tells its clients when it ends", async () => {
  using folder = temporaryFolder();
  await using chat = await startUnread("chat", ...COMMON, "--data", join(folder.path, "data"));
  await using ada = await RawClient.login(partAddress(await chat.ready(), "tcp"), "ada");
  chat.signal("SIGTERM");
  assertEquals((await ada.next("closing")).reason, "draining");
  assertEquals(await chat.end(), 0);
});

/** Connects, and waits for the reset, which may come before the connection is told of. */
async function cut(address: Address): Promise<void> {
  try {
    await using client = await RawClient.connect(address);
    await client.closed;
  } catch (error) {
    if (!(error instanceof NetError) || error.code !== "reset") throw error;
  }
}

test("balance whose log nobody reads any more goes on after it has logged something", async () => {
  const backend = ["--backend", "127.0.0.1:1,max=1", "--heartbeat-interval", "100ms"];
  await using balance = await startUnread(
    "balance",
    "--listen",
    "127.0.0.1:0",
    ...backend,
    "--grace",
    "100ms",
  );
  const tcp = partAddress(await balance.ready(), "tcp");
  for (let count = 0; count < 3; count++) await cut(tcp);
  balance.signal("SIGTERM");
  assertEquals(await balance.end(), 0);
});
