import { spawnSync } from "node:child_process";
import { assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/mod.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { backendNamed, Desk } from "./desk.ts";
import { PIPED_ENV } from "./piped_client.ts";
import { startProgram } from "./program.ts";

/** A file that nothing fits into. */
const FULL = "/dev/full";
const OPTIONS = spawnSync("test", ["-c", FULL]).status === 0 ? {} : { skip: `there is no ${FULL}` };

test("output that cannot be written is told in one sentence, and the exit code is 1", OPTIONS, async () => {
  await using desk = await Desk.open({ chat: [backendNamed("b1")] });
  const admin = ["--admin", desk.address];
  const free = ["--listen", "127.0.0.1:0", "--admin", "none"];
  const commands = [
    ["--help"],
    ["up", "--help"],
    ["drain", "--help"],
    ["status", ...admin],
    ["status", "--watch", ...admin],
    ["balance", ...free, "--backend", "127.0.0.1:1"],
    ["balance", ...free, "--backend", "127.0.0.1:1", "--check"],
  ];
  for (const command of commands) {
    await using program = startProgram(command, { output: FULL });
    assertEquals(await program.end(), 1, command.join(" "));
    const sentence = program.stderr
      .split("\n")
      .filter((line) => !line.startsWith("{"))
      .join("\n");
    assertMatch(sentence, /^chorus: Cannot write to standard output: .*no space left on device.*\n$/i);
  }
});

test("a message that a piped client cannot write ends it with 1 and the sentence", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  const args = ["client", formatAddress(cluster.at(0)), "--name", "ada", "--register"];
  await using ada = startProgram(args, { env: PIPED_ENV, output: FULL });
  await ada.says("connected");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await bob.ask({ type: "send", to: "ada", text: "hello" });
  assertEquals(await ada.end(), 1);
  assertMatch(ada.stderr, /\nchorus: Cannot write to standard output: .*no space left on device.*\n$/i);
});
