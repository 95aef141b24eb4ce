import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { promptText } from "../../src/cli/client_prompt.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { drawn } from "./drawn_window.ts";
import { clientOf } from "./piped_client.ts";
import type { Program } from "./program.ts";
import { IN_TERMINAL, NARROW, personAt, WIDE } from "./terminal_client.ts";

const PLAIN = { NO_COLOR: "1", TERM: "xterm" };

/** What stands in the last rows of a window, times left out. */
function lastRows({ stdout }: Program, columns: number, count: number): string[] {
  return drawn(stdout, columns)
    .slice(-count)
    .map((row) => row.replace(/^\d\d:\d\d /, "hh:mm "));
}

test(
  "in a window of 20 columns a message stands above a line of three rows, which goes on unharmed",
  IN_TERMINAL,
  async () => {
    await using cluster = await chatServers(1);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using bob = personAt(cluster, "bob", { env: PLAIN, window: NARROW });
    await bob.says("bob> ");
    bob.type("@ada ");
    await bob.until("the line", () => drawn(bob.stdout, 20).at(-1) === "bob> @ada" || undefined);
    for (const letter of "abcdefghijklmnopqrstuvwxyz0123456789") bob.type(letter);
    await bob.says("9");
    await ada.ask({ type: "send", to: "bob", text: "are you there, bob, or where?" });
    await ada.ask({ type: "send", to: "bob", text: "second" });
    const rows = [
      "hh:mm ada: are you t",
      "here, bob, or where?",
      "hh:mm ada: second",
      "→ ada> @ada abcdefgh",
      "ijklmnopqrstuvwxyz01",
      "23456789",
    ];
    await bob.until(rows.join("\n"), () => {
      const found = lastRows(bob, 20, 6);
      return found.join() === rows.join() || undefined;
    });
    bob.type("!\r");
    assertEquals((await ada.hasMessages(3))[2]?.text, "abcdefghijklmnopqrstuvwxyz0123456789!");
    bob.type("\u0004");
    assertEquals(await bob.end(), 0);
  },
);

test(
  "a terminal that is dumb gets no order, hides the password, and shows what comes",
  IN_TERMINAL,
  async () => {
    await using cluster = await chatServers(1);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using bob = personAt(cluster, "bob", { env: { NO_COLOR: "", TERM: "dumb" }, window: NARROW });
    await bob.says("bob> ");
    const start = bob.stdout.length;
    bob.type("/passwd\r");
    await bob.says("old password: ");
    bob.type("secret\r");
    await bob.says("new password: ");
    await ada.ask({ type: "send", to: "bob", text: "meanwhile" });
    await bob.says("ada: meanwhile\r\nnew password: ");
    bob.type("hush-hush\r");
    await bob.says("once more: ");
    bob.type("hush-hush\r");
    await bob.says("the password is changed");
    bob.type("@ada half");
    await bob.says("half");
    await ada.ask({ type: "send", to: "bob", text: "in between" });
    await bob.says("ada: in between\r\n→ ada> @ada half");
    bob.type(" and half\r");
    assertEquals((await ada.hasMessages(3))[2]?.text, "half and half");
    bob.type("/dance\r/quit\r");
    assertEquals(await bob.end(), 0);
    const written = bob.stdout.slice(start);
    assert(!written.includes("\u001b"), written);
    assert(!written.includes("hush-hush"), written);
  },
);

test(
  "lines of the program are dim on a terminal, and nothing is colored where NO_COLOR is set",
  IN_TERMINAL,
  async () => {
    await using cluster = await chatServers(1);
    await using colored = personAt(cluster, "ada", {
      env: { NO_COLOR: "", TERM: "xterm-256color" },
      window: WIDE,
    });
    await using plain = personAt(cluster, "bob", {
      env: { NO_COLOR: "1", TERM: "xterm-256color" },
      window: WIDE,
    });
    for (const program of [colored, plain]) {
      await program.says("> ");
      program.type("/dance\r/quit\r");
      assertEquals(await program.end(), 0);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colors are what is looked for
    const color = /\u001b\[[0-9;]*m/;
    assertMatch(colored.stdout, color);
    assert(!color.test(plain.stdout), plain.stdout);
  },
);

test("piped, what it writes has no order for a terminal, whatever TERM says", async () => {
  await using cluster = await chatServers(1);
  await using ada = clientOf(cluster, "ada", [], { NO_COLOR: "", TERM: "xterm-256color" });
  ada.type("@ada hello\n/help\n/dance\n/history\n/friends\n/quit\n");
  assertEquals(await ada.end(), 1);
  assert(!`${ada.stdout}${ada.stderr}`.includes("\u001b"), ada.stderr);
});

test("the arrow keys bring back what was typed, never an answer to a question", IN_TERMINAL, async () => {
  await using cluster = await chatServers(1);
  await using ada = personAt(cluster, "ada", { env: PLAIN, window: WIDE });
  await ada.says("ada> ");
  ada.type("@ada first\r@ada second\r");
  await ada.says("you → ada: second");
  ada.type("/passwd\r");
  await ada.says("old password: ");
  ada.type("secret\r");
  await ada.says("new password: ");
  ada.type("\r");
  await ada.says("stays as it is");
  ada.type("\u001b[A\u001b[A\u001b[A!\r");
  await ada.says("you → ada: first!");
  ada.type("\u001b[A\u001b[A\u001b[B?\r");
  await ada.says("you → ada: first!?");
  ada.type("/quit\r");
  assertEquals(await ada.end(), 0);
  assert(!ada.stdout.includes("secret\r"), ada.stdout);
});

test("a prompt names whom one talks to and leaves half of the window, but for four letters and what is unread", () => {
  const name = fc.stringMatching(/^#?[a-z]{1,32}$/);
  const counts = fc.dictionary(name, fc.integer({ min: 1, max: 2000 }), { maxKeys: 6 });
  const peers = fc.option(name, { nil: undefined });
  fc.assert(
    fc.property(name, peers, counts, fc.integer({ min: 1, max: 200 }), (user, peer, count, columns) => {
      const unread = new Map(Object.entries(count));
      const text = promptText({ user, peer, unread }, columns);
      const least = unread.size > 0 ? "verb (999+)> ".length : "verb> ".length;
      assert(text.length <= Math.max(least, Math.floor(columns / 2)), text);
      assert(text.includes((peer ?? user).slice(0, 3)), text);
      assertEquals(/\(.*\d.*\)/.test(text), unread.size > 0, text);
    }),
  );
});

test("a prompt names what is unread, the newest first, where it fits, and else how much it is", () => {
  const unread = new Map([
    ["carol", 2],
    ["#crew", 5],
  ]);
  const parts = { user: "ada", peer: "bob", unread };
  assertEquals(promptText(parts, 80), "ada → bob (#crew 5, carol 2)> ");
  assertEquals(promptText(parts, 40), "ada → bob (7)> ");
  assertEquals(promptText(parts, 24), "→ bob (7)> ");
  assertEquals(
    promptText({ ...parts, unread: new Map(unread).set("zoe", 1).set("yan", 2) }, 80),
    "ada → bob (10)> ",
  );
  assertEquals(promptText({ ...parts, unread: new Map() }, 80), "ada → bob> ");
  assertEquals(promptText({ user: "ada", peer: undefined, unread }, 80), "ada (#crew 5, carol 2)> ");
  assertEquals(promptText({ ...parts, peer: "bartholomew" }, 20), "bar… (7)> ");
});
