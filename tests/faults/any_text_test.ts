import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

const MAX_BYTES = 32_768;

const TEXTS: readonly string[] = [
  `quotes " ' \` and a backslash \\`,
  "NUL \0 and \u0001 and \u007F and a tab\t",
  "lines\r\nand\nmore\u2028of\u2029them",
  "emoji \u{1F680}\u{1F468}\u200D\u{1F469}\u200D\u{1F467} and combined e\u0301 and \uFEFF",
  '{"type":"message"}\n',
  "<script>\u202Eright to left",
  "x".repeat(MAX_BYTES),
  "\0".repeat(8000),
  "\u{1F680}".repeat(MAX_BYTES / 4),
];

for (const store of STORES) {
  test(`quotes, NUL, emoji and 32 KiB of text arrive byte for byte: pushed, replayed and as history (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using bob = await RawClient.login(cluster.at(1), "bob", { device: "phone" });
    for (const text of TEXTS) assertEquals((await ada.ask({ type: "send", to: "bob", text })).type, "ok");
    const bytes = TEXTS.map(toBytes);
    assertEquals(
      (await bob.hasMessages(TEXTS.length)).map(({ text }) => toBytes(text)),
      bytes,
    );

    await using again = await RawClient.login(cluster.at(0), "bob", { device: "tablet" });
    assertEquals(
      (await again.hasMessages(TEXTS.length)).map(({ text }) => toBytes(text)),
      bytes,
    );
    const found: string[] = [];
    for (let before: unknown, more: unknown = true; more; ) {
      const page = await again.ask({ type: "history", with: "ada", ...(before !== undefined && { before }) });
      const messages = page.messages as { readonly text: string; readonly seq: number }[];
      found.unshift(...messages.map(({ text }) => toBytes(text)));
      before = messages[0]?.seq;
      more = page.more;
    }
    assertEquals(found, bytes);
  });

  test(`a text of a byte more than 32 KiB and a lone surrogate are refused, and nothing of them is shown (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    const send = (text: string) => ada.ask({ type: "send", to: "ada", text });
    assertEquals((await send(`${"\u{1F680}".repeat(MAX_BYTES / 4)}x`)).code, "bad_frame");
    assertEquals((await send("")).code, "bad_frame");
    ada.write('{"type":"send","id":"lone","to":"ada","text":"\\ud83d"}\n');
    await ada.until("its refusal", () => ada.frames.find(({ code }) => code === "bad_frame" && code));
    await send("the only one");
    assertEquals(
      (await ada.hasMessages(1)).map(({ text, seq }) => [text, seq]),
      [["the only one", 1]],
    );
  });
}

function toBytes(text: unknown): string {
  return Buffer.from(String(text)).toString("hex");
}
