import process from "node:process";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eventually } from "../helpers.ts";
import { Client } from "../server/model_subject.ts";
import { test } from "../testing.ts";
import { childrenOf, isAlive, partAddress, startProgram } from "./program.ts";

const LISTEN = ["--listen", "127.0.0.1:0"];

/** The arguments of every form of the command. */
const FORMS: readonly (readonly string[])[] = [
  ["--model", "iterative"],
  ["--model", "process-per-connection", "--max-connections", "8"],
  ["--model", "thread-per-connection", "--max-connections", "8"],
  ["--model", "reactors-in-threads", "--workers", "2"],
  ["--model", "reactors-in-processes", "--workers", "2"],
  ["--model", "reactors-in-processes", "--workers", "2", "--spread", "hand-over"],
];

for (const form of FORMS) {
  test(`echo ${form.join(" ")} echoes, drains on SIGTERM and exits with 0, whoever else gets the signal`, async () => {
    await using program = startProgram(["echo", ...form, ...LISTEN, "--grace", "20s"]);
    const address = partAddress(await program.ready(), "tcp");
    await using client = await Client.connect(address);
    assertEquals(await client.ask("hello"), "hello");
    for (const child of await childrenOf(program.pid)) process.kill(child, "SIGTERM");
    program.signal("SIGTERM");
    await program.says("stopping");
    assertEquals(await client.ask("still here"), "still here");
    client.connection.end();
    await client.recorder.closed;
    assertEquals([await program.end(), program.stdout.split("\n").length], [0, 2]);
  });
}

test("a second signal ends echo and its children at once", async () => {
  await using program = startProgram(["echo", "--workers", "2", ...LISTEN, "--grace", "60s"]);
  await using client = await Client.connect(partAddress(await program.ready(), "tcp"));
  assertEquals(await client.ask("hello"), "hello");
  const children = await childrenOf(program.pid);
  program.signal("SIGTERM");
  await program.says("stopping");
  program.signal("SIGTERM");
  assertEquals([await program.end(), children.length], [143, 2]);
  await eventually("the end of the children", () => !children.some(isAlive));
});

for (const form of [FORMS[1], FORMS[4], FORMS[5]]) {
  test(`the children of echo ${form?.join(" ")} end when it is killed`, async () => {
    await using program = startProgram(["echo", ...(form ?? []), ...LISTEN, "--grace", "100ms"]);
    await using client = await Client.connect(partAddress(await program.ready(), "tcp"));
    assertEquals(await client.ask("hello"), "hello");
    const children = await childrenOf(program.pid);
    program.signal("SIGKILL");
    await eventually("the end of the children", () => !children.some(isAlive));
    await client.recorder.gone;
  });
}

test("a worker of echo that is killed is logged and replaced", async () => {
  await using program = startProgram(["echo", "--workers", "1", ...LISTEN]);
  const address = partAddress(await program.ready(), "tcp");
  for (const child of await childrenOf(program.pid)) process.kill(child, "SIGKILL");
  await program.says("a worker ended: killed by SIGKILL; the next one starts in 0 ms");
  await eventually("an answer", async () => {
    try {
      await using client = await Client.connect(address);
      return (await client.ask("hello")) === "hello";
    } catch {
      return false;
    }
  });
});

test("a port that is taken ends echo with 1 and one sentence", async () => {
  await using first = startProgram(["echo", "--model", "iterative", ...LISTEN]);
  const { tcp = "" } = await first.ready();
  const again = ["echo", "--workers", "1"];
  await using second = startProgram([...again, "--listen", tcp]);
  assertEquals([await second.end(), second.stdout], [1, ""]);
  assertStringIncludes(second.stderr, `chorus: Cannot listen on ${tcp}: in_use`);
});

test("echo --help lists the models", async () => {
  await using program = startProgram(["echo", "--help"]);
  assertEquals([await program.end(), program.stderr], [0, ""]);
  assertMatch(program.stdout, /thread-per-connection {3}a thread for each connection/);
});
