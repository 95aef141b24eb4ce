import { execFileSync } from "node:child_process";
import process from "node:process";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatAddress, systemDriver } from "../../src/net/mod.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { faultProxy } from "../fault_proxy.ts";
import { RawClient, toAddress } from "../helpers.ts";
import { test } from "../testing.ts";
import { clientOf, PIPED_ENV as env, linesOf } from "./piped_client.ts";
import { childrenOf, startProgram } from "./program.ts";

test("lines that are there before the login are sent, all and in order", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using ada = clientOf(cluster, "ada");
  ada.type("@bob one\n  two\nthree \n\n@BOB four");
  ada.endInput();
  assertEquals([await ada.end(), ada.stderr], [0, "— connected to s0\n"]);
  const received = await bob.hasMessages(4);
  assertEquals(
    received.map(({ text }) => text),
    ["one", "two", "three", "four"],
  );
});

test("3,000 lines that are piped in at once arrive, all and in order", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using ada = clientOf(cluster, "ada");
  const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}`);
  ada.type(`/to bob\n${lines.join("\n")}`);
  ada.endInput();
  assertEquals(await ada.end(), 0);
  assertEquals(
    (await bob.hasMessages(3000)).map(({ text }) => text),
    lines,
  );
});

test("a command is done after the lines before it, and waits where the server asks it to", async () => {
  await using cluster = await chatServers(1, { limits: { messagesPerSecond: 40 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await ada.ask({ type: "group.create", group: "#g", mode: "open" });
  await using bob = clientOf(cluster, "bob");
  const lines = Array.from({ length: 100 }, (_, index) => `#g line ${index}`);
  const invitations = Array.from({ length: 45 }, () => "/friend ada");
  bob.type(["/join #g", ...lines, ...invitations, "/leave #g", "#g too late"].join("\n"));
  bob.endInput();
  assertEquals(await bob.end(), 1);
  assertEquals(
    (await ada.hasMessages(100)).map(({ text }) => `#g ${text}`),
    lines,
  );
  const problems = bob.stderr.split("\n").filter((line) => /not sent|too many|\/\w+:/.test(line));
  assertEquals(problems, ["— not sent to #g: you are not in #g"]);
});

test("two clients talk, and who is written to can answer without a name", async () => {
  await using cluster = await chatServers(1);
  await using bob = clientOf(cluster, "bob");
  await bob.says("connected");
  await using ada = clientOf(cluster, "ada");
  ada.type("@bob hello\n");
  await bob.says("ada: hello\n");
  bob.type("hello yourself\n");
  await ada.says("bob: hello yourself\n");
  await bob.says("you → ada: hello yourself\n");
  for (const program of [ada, bob]) {
    program.endInput();
    assertEquals(await program.end(), 0);
  }
  assertEquals(linesOf(ada), ["you → bob: hello", "bob: hello yourself"]);
  assertEquals(linesOf(bob), ["ada: hello", "you → ada: hello yourself"]);
});

test("what cannot be delivered is told on standard error with its reason, and the exit code is 1", async () => {
  await using cluster = await chatServers(1);
  await using ada = clientOf(cluster, "ada");
  ada.type("to whom\n@nobody hello\n");
  ada.endInput();
  assertEquals(await ada.end(), 1);
  assertStringIncludes(ada.stderr, "say to whom: @NAME TEXT\n");
  assertStringIncludes(ada.stderr, "— not sent to nobody: there is no user nobody\n");
});

test("/history shows the last messages with somebody, /help every command, /quit ends, and a mistake counts", async () => {
  await using cluster = await chatServers(1);
  await using ada = clientOf(cluster, "ada");
  ada.type("@ada one\n@ada two\n");
  await ada.says("two\n");
  ada.type("/history\n/history ghost\n/help\n/dance\n/to\n/quit\nnot sent\n");
  assertEquals(await ada.end(), 1);
  assertEquals(
    linesOf(ada),
    ["one", "two", "one", "two"].map((text) => `you → ada: ${text}`),
  );
  const told = [
    "— nothing with ghost yet",
    "/history [NAME]",
    "/dance is not a command",
    "say to whom: /to NAME",
  ];
  for (const words of told) assertStringIncludes(ada.stderr, words);
});

test("what others write cannot move the cursor, as it comes and from the history", async () => {
  await using cluster = await chatServers(1);
  await using mallory = await RawClient.login(cluster.at(0), "mallory");
  await using bob = clientOf(cluster, "bob");
  await bob.says("connected");
  const text = "\u001b[2J\u0007\r\u009b31m\u202egnp.exe\u0000\u007f\nsecond line";
  await mallory.ask({ type: "send", to: "bob", text });
  await bob.says("second line\n");
  bob.type("/history mallory\n");
  bob.endInput();
  assertEquals(await bob.end(), 0);
  const shown = "mallory: ␛[2J␇␍\ufffd31m\ufffdgnp.exe␀\ufffd";
  assertEquals(linesOf(bob), [shown, "    second line", shown, "    second line"]);
});

test("a client whose server is killed says so, goes on with another one, and sends what was typed meanwhile", async () => {
  const free = ["--listen", "127.0.0.1:0", "--admin", "none", "--data", ":memory:", "--grace", "100ms"];
  await using up = startProgram(["up", ...free, "--servers", "2"]);
  const { tcp = "" } = await up.ready();
  await using first = await RawClient.connect(toAddress(tcp));
  await first.ask({ type: "register", name: "ada", password: "secret" });
  await using bob = await RawClient.login(toAddress(tcp), "bob");
  await using ada = startProgram(["client", tcp, "--name", "ada"], { env });
  ada.type("@bob before\n");
  await bob.hasMessages(1);
  const [, server = ""] = /connected to (chat-\d)/.exec(ada.stderr) ?? [];
  assert(
    bob.frames.every((frame) => frame.server !== server),
    "both are on one server",
  );
  for (const pid of await childrenOf(up.pid)) {
    const line = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
    if (line.includes(`--id ${server}`)) process.kill(pid, "SIGKILL");
  }
  await ada.says("— connection lost; what you type is sent once it is back\n");
  ada.type("after\n");
  await ada.says("nothing was lost\n");
  assertEquals(
    (await bob.hasMessages(2)).map(({ text }) => text),
    ["before", "after"],
  );
  ada.endInput();
  assertEquals(await ada.end(), 0);
});

test("what nobody answers once the input has ended is counted by its receiver after --timeout, and the exit code is 1", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using proxy = await faultProxy(cluster.at(0));
  const args = ["client", formatAddress(proxy.address), "--name", "ada", "--register", "--timeout", "2s"];
  await using ada = startProgram(args, { env });
  ada.type("@bob one\n");
  await bob.hasMessages(1);
  await ada.says("you → bob: one\n");
  proxy.stall();
  // More than may be without an answer at once: the rest still waits to be taken when the input ends.
  ada.type(`${"@bob lost\n".repeat(1100)}#sea lost\n`);
  ada.endInput();
  assertEquals(await ada.end(), 1);
  const told = "— no answer for 2s: 1101 messages not sent, as far as is known: 1100 to bob, 1 to #sea\n";
  assertStringIncludes(ada.stderr, told);
  assert(!ada.stderr.includes("not sent to"), ada.stderr);
});

test("a client that is replaced by a newer login of its device says so and ends with 1", async () => {
  await using cluster = await chatServers(1);
  await using first = clientOf(cluster, "ada");
  await first.says("connected");
  await using second = clientOf(cluster, "ada");
  assertEquals(await first.end(), 1);
  assertStringIncludes(first.stderr, "— logged in elsewhere as this device: over\n");
  await second.says("connected");
  second.endInput();
  assertEquals(await second.end(), 0);
});

test("a wrong password and a name that nobody can have end with 1 and a sentence", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using wrong = clientOf(cluster, "ada", ["--password", "guess"]);
  await using unfit = clientOf(cluster, "no spaces");
  assertEquals([await wrong.end(), await unfit.end(), ada.messages], [1, 1, []]);
  assertMatch(wrong.stderr, /^chorus: Cannot log in as ada: .*\n$/);
  assertMatch(unfit.stderr, /^chorus: Cannot register no spaces: a name has 1 to 32 .*\n$/);
});

test("where nobody listens, login and --register end at once with 1 and the address", async () => {
  const started = performance.now();
  await using login = startProgram(["client", "127.0.0.1:1", "--name", "ada"], { env });
  await using register = startProgram(["client", "127.0.0.1:1", "--name", "ada", "--register"], { env });
  for (const program of [login, register]) {
    assertEquals([await program.end(), program.stdout], [1, ""]);
    assertMatch(program.stderr, /^chorus: Cannot connect to 127\.0\.0\.1:1: is it running\? .*refused\)\n$/);
  }
  assert(performance.now() - started < 8000, "it was not to wait for --timeout");
});

test("where something listens that never answers, login and --register end after --timeout", async () => {
  const driver = systemDriver();
  const ignore = () => undefined;
  await using silent = await driver.listen({ host: "127.0.0.1", port: 0 }, () => ({
    data: ignore,
    close: ignore,
    end: (connection) => connection.end(),
  }));
  const args = ["client", formatAddress(silent.address), "--name", "ada", "--timeout", "200ms"];
  await using login = startProgram(args, { env });
  await using register = startProgram([...args, "--register"], { env });
  for (const program of [login, register]) {
    assertEquals(await program.end(), 1);
    const where = formatAddress(silent.address);
    assertStringIncludes(
      program.stderr,
      `Cannot connect to ${where}: something is there, but no chat server`,
    );
  }
});

test("at the port of the page, login and --register say that no chat server answers there", async () => {
  await using cluster = await chatServers(1, { web: {} });
  const where = formatAddress(cluster.webAt(0));
  const args = ["client", where, "--name", "ada", "--timeout", "1s"];
  await using login = startProgram(args, { env });
  await using register = startProgram([...args, "--register"], { env });
  for (const program of [login, register]) {
    assertEquals(await program.end(), 1);
    assertStringIncludes(
      program.stderr,
      `Cannot connect to ${where}: something is there, but no chat server`,
    );
  }
});

test("a client that nobody can ask ends with 2 when it is not told who it is", async () => {
  await using nameless = startProgram(["client"], { env });
  await using open = startProgram(["client", "--name", "ada"], { env: { ...env, CHORUS_PASSWORD: "" } });
  await using twice = startProgram(["client", "127.0.0.1:1", "127.0.0.1:2"], { env });
  await using hasty = startProgram(["client", "--name", "ada", "--timeout", "0s"], { env });
  assertEquals([await nameless.end(), await open.end(), await twice.end(), await hasty.end()], [2, 2, 2, 2]);
  assertStringIncludes(hasty.stderr, '--timeout: "0s" is no time to wait');
  assertStringIncludes(nameless.stderr, "--name: say who you are");
  assertStringIncludes(open.stderr, "--password: give it by CHORUS_PASSWORD");
  assertStringIncludes(twice.stderr, 'takes one address, received "127.0.0.1:2" too');
});
