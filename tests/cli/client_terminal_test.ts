import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { chatServers } from "../chat/chat_servers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { clientOf } from "./piped_client.ts";
import { IN_TERMINAL as OPTIONS, terminalOf } from "./terminal_client.ts";

test(
  "on a terminal it asks for name and password, hides the password, and offers to make the account",
  OPTIONS,
  async () => {
    await using cluster = await chatServers(1);
    await using ada = terminalOf(cluster);
    await ada.says("name: ");
    ada.type("ada\n");
    await ada.says("password: ");
    ada.type("hush-hush\n");
    await ada.says("Make a new account ada? [y/N] ");
    ada.type("y\n");
    await ada.says("— connected to s0");
    await ada.says("ada> ");
    // All that the arrow key brings back, and then another line.
    ada.type("\u001b[A\u001b[A\u001b[A\u001b[A\u0015/help\n");
    await ada.says("/quit                    end");
    ada.type("/quit\n");
    assertEquals(await ada.end(), 0);
    assert(!ada.stdout.includes("hush-hush"), ada.stdout);
  },
);

test("who does not want a new account is told what was wrong, with exit code 1", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  await using ada = terminalOf(cluster, "--name", "ada", "--password", "secret");
  await ada.says("[y/N] ");
  ada.type("\n");
  assertEquals(await ada.end(), 1);
  assertStringIncludes(ada.stdout, "chorus: Cannot log in as ada: ");
});

test("a message is shown above the line that is being typed, which goes on unharmed", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = terminalOf(cluster, "--name", "bob", "--password", "secret", "--register");
  await bob.says("bob> ");
  bob.type("@ada half a li");
  await bob.says("half a li");
  const typed = bob.stdout.length;
  await ada.ask({ type: "send", to: "bob", text: "are you there?" });
  await bob.says("are you there?\r\n");
  bob.type("ne\r");
  assertEquals((await ada.hasMessages(2))[1]?.text, "half a line");
  const after = (): string => bob.stdout.slice(typed).split("are you there?")[1] ?? "";
  await bob.until("the line again", () => after().includes("@ada half a li") || undefined);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what moves the cursor
  assertMatch(bob.stdout.slice(typed), /\r\u001b\[J\d\d:\d\d ada: are you there\?\r\n/);
  bob.type("\u0004");
  assertEquals(await bob.end(), 0);
});

test("Ctrl-C ends it, at the prompt with 0 and at a question with 130; Ctrl-D with 0", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  await using ada = terminalOf(cluster, "--name", "ada", "--password", "secret", "--register");
  await using nobody = terminalOf(cluster);
  await using silent = terminalOf(cluster, "--name", "eve");
  await using unknown = terminalOf(cluster, "--name", "mia", "--password", "secret");
  await using undecided = terminalOf(cluster, "--name", "tom", "--password", "secret");
  await ada.says("ada> ");
  ada.type("never sent\u0003");
  await nobody.says("name: ");
  nobody.type("\u0003");
  await silent.says("password: ");
  silent.type("\u0004");
  await unknown.says("[y/N] ");
  unknown.type("\u0003");
  await undecided.says("[y/N] ");
  undecided.type("\u0004");
  const codes = [ada, nobody, silent, unknown, undecided].map((each) => each.end());
  assertEquals(await Promise.all(codes), [0, 130, 0, 130, 0]);
  for (const { stdout } of [nobody, silent, unknown, undecided]) assert(!stdout.includes("chorus: "), stdout);
});

test("/passwd asks unseen, and shows what comes meanwhile", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using ada = terminalOf(cluster, "--name", "ada", "--password", "secret", "--register");
  await ada.says("ada> ");
  ada.type("/passwd\n");
  await ada.says("old password: ");
  await bob.ask({ type: "send", to: "ada", text: "meanwhile" });
  await ada.says("bob: meanwhile");
  ada.type("secret\n");
  await ada.says("new password: ");
  ada.type("hush-hush\n");
  await ada.says("once more: ");
  ada.type("hush-hush\n");
  await ada.says("the password is changed");
  ada.type("/quit\n");
  assertEquals(await ada.end(), 0);
  assert(!ada.stdout.includes("hush-hush"), ada.stdout);
  await using raw = await RawClient.connect(cluster.at(0));
  const login = { type: "login", name: "ada", device: "phone" };
  assertEquals((await raw.ask({ ...login, password: "secret" })).code, "bad_credentials");
  assertEquals((await raw.ask({ ...login, password: "hush-hush" })).type, "ok");
});

test("a person is told when the last message has come and when it was read", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using ada = terminalOf(cluster, "--name", "ada", "--password", "secret", "--register");
  await ada.says("ada> ");
  ada.type("@bob one\rtwo\r");
  await bob.hasMessages(2);
  await ada.says("you → bob: two");
  bob.tell({ type: "ack", inbox: 2 });
  await ada.says("— ✓ bob has got it");
  await bob.ask({ type: "read", conversation: "ada:bob", seq: 2 });
  await ada.says("— ✓✓ bob has read it");
  ada.type("/quit\r");
  assertEquals(await ada.end(), 0);
});

test("what is piped in does not end the client before which the same person sits", OPTIONS, async () => {
  await using cluster = await chatServers(1);
  await using sitting = terminalOf(cluster, "--name", "ada", "--password", "secret", "--register");
  await sitting.says("ada> ");
  await using piped = clientOf(cluster, "ada");
  piped.type("@ada from a script");
  piped.endInput();
  assertEquals(await piped.end(), 0);
  await sitting.says("from a script");
  sitting.type("/quit\n");
  assertEquals(await sitting.end(), 0);
});
