import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { connectChat, tcpDial } from "../../src/chat/mod.ts";
import { Conversation } from "../../src/cli/client_conversation.ts";
import { printable, type Screen } from "../../src/cli/client_screen.ts";
import { systemDriver } from "../../src/net/mod.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { faultProxy } from "../fault_proxy.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";

/** A screen before which nobody sits. */
function quietScreen(): Screen {
  const ignore = () => undefined;
  return {
    isInteractive: false,
    isInterrupted: false,
    columns: 80,
    show: ignore,
    note: ignore,
    problem: ignore,
    prompt: ignore,
    completeBy: ignore,
    ask: async () => undefined,
    lines: async function* () {
      // There are none.
    },
    over: Promise.resolve(),
    close: ignore,
  };
}

test("the line after 1,000 that have no answer is taken once the oldest has its own", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using proxy = await faultProxy(cluster.at(0));
  const dial = tcpDial(systemDriver(), [proxy.address]);
  await using client = await connectChat({ dial, credentials: { name: "bob", password: "secret" } });
  const conversation = new Conversation(quietScreen(), "bob");
  conversation.start(client);
  proxy.swallowAnswers();
  await conversation.take("/to bob");
  for (let number = 1; number < 1000; number++) await conversation.take(`${number}`);
  let isTaken = false;
  const last = conversation.take("1000").then(() => {
    isTaken = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert(!isTaken, "it was to wait");
  proxy.cut();
  await last;
  assertEquals(await conversation.finish(), 0);
  assertEquals(
    (await bob.hasMessages(1000)).map(({ text }) => text),
    Array.from({ length: 1000 }, (_, index) => `${index + 1}`),
  );
});

test("printable() leaves no character that could move the cursor or turn the text around, and all others as they are", () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const harmful = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0xa0 }).map((code) => String.fromCharCode(code)),
    fc.constantFrom("\u202e", "\u2066", "\u{1F680}", "ä", "\n"),
  );
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      const shown = printable(text);
      assert(!harmful.test(shown), JSON.stringify(shown));
      if (!harmful.test(text)) assertEquals(shown.replaceAll("\n    ", "\n"), text);
    }),
  );
});
