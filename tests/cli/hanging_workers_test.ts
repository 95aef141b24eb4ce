/**
 * Every command that has workers, with one of them stopped for good.
 *
 * @module
 */
import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { eventually, RawClient, temporaryFolder } from "../helpers.ts";
import { Client } from "../server/model_subject.ts";
import { test } from "../testing.ts";
import { balancerOf, greeters } from "./balance_workers.ts";
import { serverOf, startWorkers } from "./chat_workers.ts";
import { childrenOf, isAlive, type Program, partAddress, startProgram } from "./program.ts";

const HUNG = "has not answered for 20 s: it is killed";

/** Stops one of two workers, and waits until it is found and there is another one in its place. */
async function stopOne(program: Program): Promise<void> {
  const before = await childrenOf(program.pid);
  assertEquals(before.length, 2);
  const [stopped = -1, other = -1] = before;
  process.kill(stopped, "SIGSTOP");
  // It takes nearly as long as a test may wait for anything; the test itself has a limit.
  while (!program.stderr.includes(HUNG)) await wait(100);
  await eventually("another one", async () => {
    const now = await childrenOf(program.pid);
    return now.length === 2 && !now.includes(stopped);
  });
  assertEquals([isAlive(stopped), isAlive(other)], [false, true]);
  assertEquals(program.stderr.split("\n").filter((line) => line.includes(HUNG)).length, 1, program.stderr);
}

/** Waits until a program has logged what matches: what it has written may not have come yet. */
async function told(program: Program, what: RegExp): Promise<void> {
  await program.until(String(what), () => what.exec(program.stderr) ?? undefined);
}

async function chat(): Promise<void> {
  using folder = temporaryFolder();
  await using chat = await startWorkers(["--workers", "2", "--data", `${folder.path}/data`]);
  const [ada, bob] = await chat.oneEach(["ada", "bob"]);
  assert(ada && bob);
  await stopOne(chat.program);
  const lost = await Promise.race([ada.closed.then(() => ada), bob.closed.then(() => bob)]);
  const kept = lost === ada ? bob : ada;
  assertEquals((await kept.ask({ type: "ping" })).type, "pong");
  assertStringIncludes(chat.program.stderr, `${serverOf(lost)} ${HUNG}`);
  await chat.program.says(`${serverOf(lost)} ended: killed by SIGKILL; it is started again in 0 ms`);
  await chat.healthy("two workers again", ({ workers }) => workers.running === 2);
}

async function balance(): Promise<void> {
  await using servers = await greeters(1);
  await using program = balancerOf(servers.all, ["--workers", "2"]);
  await program.ready();
  await stopOne(program);
  await told(program, /worker (\d) has not answered[\s\S]*?worker \1 has ended \(killed by SIGKILL\)/);
  await program.says("another worker starts in 0 ms");
}

async function up(): Promise<void> {
  const free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", ":memory:"];
  await using program = startProgram(["up", "--servers", "2", ...free]);
  const tcp = partAddress(await program.ready(), "tcp");
  await stopOne(program);
  await told(program, /chat-(\d) has not answered[\s\S]*?chat-\1 ended: killed by SIGKILL/);
  await using client = await RawClient.login(tcp, "ada");
  assertEquals((await client.ask({ type: "ping" })).type, "pong");
}

async function echo(spread: string): Promise<void> {
  const args = ["--workers", "2", "--spread", spread, "--listen", "127.0.0.1:0"];
  await using program = startProgram(["echo", ...args]);
  const address = partAddress(await program.ready(), "tcp");
  await stopOne(program);
  await program.says("a worker ended: killed by SIGKILL; the next one starts in 0 ms");
  await using client = await Client.connect(address);
  assertEquals(await client.ask("hello"), "hello");
}

test("a worker of chat, balance, up or echo that is stopped is killed after 20 s, logged and replaced; the others go on", {
  timeoutMs: 120_000,
}, async () => {
  await Promise.all([chat(), balance(), up(), echo("kernel"), echo("hand-over")]);
});
