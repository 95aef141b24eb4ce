import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Choices, complete } from "../../src/cli/client_completion.ts";
import { KnownNames } from "../../src/cli/client_names.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { drawn } from "./drawn_window.ts";
import type { Program, Window } from "./program.ts";
import { IN_TERMINAL, NARROW, personAt, terminalOf, WIDE } from "./terminal_client.ts";

const CHOICES: Choices = {
  commands: new Map([
    ["/friend", ["user"]],
    ["/friends", []],
    ["/create", ["group", "open"]],
    ["/invite", ["group", "user"]],
    ["/to", ["peer"]],
  ]),
  users: ["bob", "bobby", "carol"],
  groups: ["#crew", "#board"],
};
/** Types something and Tab behind it, and waits for what becomes of the line. */
async function tab(program: Program, text: string, row: string, { columns }: Window = WIDE): Promise<void> {
  program.type(`${text}\t`);
  await program.until(row, () => drawn(program.stdout, columns).at(-1) === row || undefined);
}

const PLAIN = { NO_COLOR: "1", TERM: "xterm" };

test("complete() offers what may stand where the cursor is, and nothing in the words of a message", () => {
  const expected: readonly (readonly [string, readonly string[]])[] = [
    ["@", ["@bob ", "@bobby ", "@carol "]],
    ["@Bo", ["@Bob ", "@Bobby "]],
    ["#", ["#board ", "#crew "]],
    ["/fr", ["/friend ", "/friends "]],
    ["/friend c", ["carol "]],
    ["/friend @c", ["@carol "]],
    ["/friend carol b", []],
    ["/friends ", []],
    ["/invite ", ["#board ", "#crew "]],
    ["/invite cr", ["crew "]],
    ["/invite crew  b", ["bob ", "bobby "]],
    ["/create #x o", ["open "]],
    ["/to ", ["#board ", "#crew ", "bob ", "bobby ", "carol "]],
    ["/dance b", []],
    ["", []],
    ["bo", []],
    ["@bob car", []],
  ];
  for (const [line, hits] of expected) assertEquals([line, complete(line, CHOICES)[0]], [line, hits]);
});

test("complete() never changes what was typed, and of many names gives what they have in common", () => {
  const letters = fc.stringMatching(/^[a-c]{1,6}$/);
  fc.assert(
    fc.property(
      fc.array(letters, { maxLength: 300 }),
      fc.stringMatching(/^[A-Ca-c]{0,3}$/),
      (names, typed) => {
        const users = new Set(names);
        const [hits, word] = complete(`@${typed}`, { ...CHOICES, users });
        assertEquals(word, `@${typed}`);
        for (const hit of hits) assert(hit.startsWith(word), hit);
        const meant = [...users].filter((name) => name.startsWith(typed.toLowerCase()));
        if (meant.length <= 100) assertEquals(hits.length, meant.length);
        else
          for (const name of meant)
            assert(hits.length <= 1 && `@${name} `.startsWith((hits[0] ?? word).toLowerCase()));
      },
    ),
  );
});

test("2,000 users and as many groups are known, those that were named last", () => {
  const names = new KnownNames();
  for (let number = 0; number < 2500; number++) for (const sign of ["", "#"]) names.add(`${sign}u${number}`);
  names.add("u600");
  names.add("u9999");
  const users = [...names.users];
  assertEquals([users.length, users[0], users.at(-2)], [2000, "u501", "u600"]);
  assertEquals([...names.groups].length, 2000);
});

test("Tab completes friends, groups, commands and whom one has heard of", IN_TERMINAL, async () => {
  await using cluster = await chatServers(1);
  await using carol = await RawClient.login(cluster.at(0), "carol");
  await using zoe = await RawClient.login(cluster.at(0), "zoe");
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await phone.ask({ type: "friend.request", name: "carol" });
  await phone.ask({ type: "group.create", group: "#crew" });
  await using ada = personAt(cluster, "ada", { env: PLAIN, window: WIDE });
  await ada.says("ada> ");
  await tab(ada, "/gr", "ada> /groups");
  // Its answer comes after those that tell what Tab knows.
  ada.type("\r");
  await ada.says("#crew\r\n");
  await tab(ada, "@ca", "ada> @carol");
  ada.type("hello\r");
  assertEquals((await carol.hasMessages(1))[0]?.text, "hello");
  await ada.says("you → carol: hello");
  await tab(ada, "/members cr", "ada → carol> /members crew");
  ada.type("\r");
  await ada.says("ada owner online");
  await zoe.ask({ type: "send", to: "ada", text: "it is me" });
  await ada.says("zoe: it is me");
  await tab(ada, "@z", "ada → carol (zoe 1)> @zoe");
  ada.type("/quit\u0015/quit\r");
  assertEquals(await ada.end(), 0);
});

test("a Tab in a message adds nothing", IN_TERMINAL, async () => {
  await using cluster = await chatServers(1);
  await using ada = personAt(cluster, "ada", { env: PLAIN, window: WIDE });
  await ada.says("ada> ");
  await tab(ada, "@ada a", "ada> @ada a");
  ada.type("d\r");
  await ada.says("you → ada: ad\r\n");
  ada.type("/quit\r");
  assertEquals(await ada.end(), 0);
});

test(
  "in a narrow window a second Tab lists below each other what there is to choose from",
  IN_TERMINAL,
  async () => {
    await using cluster = await chatServers(1);
    await using ada = personAt(cluster, "ada", { env: PLAIN, window: NARROW });
    await ada.says("ada> ");
    await tab(ada, "/u", "ada> /un", NARROW);
    ada.type("\t");
    const listed = ["ada> /un", "/unblock", "/unfriend", "/unread", "", "ada> /un"];
    await ada.until(
      listed.join("\n"),
      () => drawn(ada.stdout, 20).slice(-6).join() === listed.join() || undefined,
    );
    await tab(ada, "f", "ada> /unfriend", NARROW);
    ada.type("zoe\r");
    await ada.says("— /unfriend: there is no user zoe");
    ada.type("/quit\r");
    assertEquals(await ada.end(), 0);
  },
);

test("while something is asked, Tab offers nothing", IN_TERMINAL, async () => {
  await using cluster = await chatServers(1);
  const flags = ["--name", "ada", "--password", "secret"];
  await using ada = terminalOf(cluster, ...flags);
  await ada.says("[y/N] ");
  // A Tab with something behind it would be pasted text.
  ada.type("/gr\t");
  await ada.says("/gr");
  ada.type("x");
  await ada.until("the answer", () => /\/gr\t?x$/.test(ada.stdout) || undefined);
  ada.type("\r");
  assertEquals(await ada.end(), 1);
});
