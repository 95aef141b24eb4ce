import { assertEquals } from "@std/assert";
import { readHint } from "../../../src/chat/store/mod.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import {
  changeGroup,
  EVERYTHING,
  frameOf,
  logPage,
  makeGroup,
  NOW,
  sendMany,
  sendNew,
  sendTexts,
  textsOf,
} from "./store_steps.ts";

/** What is read back, and how much of it. */
export function testReads(promise: StorePromise, open: OpenStore): void {
  testBytes(promise, open);
  testInboxReads(promise, open);
  testLogReads(promise, open);
}

function testBytes(promise: StorePromise, open: OpenStore): void {
  const texts = {
    "quotes and backslashes": '"quoted" and \\"escaped\\" \\u0041 \' `',
    "NUL and other control characters": "a\0b\u0001\u001f\u007f\r\n\t",
    "emoji and combining characters": "👩‍👩‍👧‍👦 é e\u0301 🇩🇪",
    "every plane": "\u00ff\u07ff\u0800\uffff\u{10000}\u{10ffff}\u2028\u2029",
    "32 KiB of one character": "x".repeat(32 * 1024),
    "32 KiB of NUL": "\0".repeat(32 * 1024),
    "32 KiB of emoji": "👍".repeat(8 * 1024),
    "the look of a frame": '{"type":"message","inbox":9,"stamp":1}\n',
    "what a script or a query would take for its own": "'; DROP TABLE users; -- %s $1 ?1 ]] return 1",
  };
  for (const [what, text] of Object.entries(texts)) {
    promise(`gives back a text with ${what} as it was`, async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await sendNew(store, { text, id: `${text.slice(0, 20)}`, device: text.slice(0, 20) });
      assertEquals(textsOf(await opened.frames("bob", 1)), [text]);
      const { entries } = await logPage(store, "ann:bob");
      assertEquals(
        entries.map((entry) => [entry.text, entry.id]),
        [[text, text.slice(0, 20)]],
      );
    });
  }
}

function testInboxReads(promise: StorePromise, open: OpenStore): void {
  promise("reads an inbox after a number, up to a count", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendMany(store, 200);
    await opened.entries("bob", 200);
    const read = async (after: number, count: number): Promise<readonly number[]> =>
      (await store.readInbox("bob", after, { count, bytes: 1e6 })).map(({ inbox }) => inbox);
    assertEquals(await read(0, 1), [1]);
    assertEquals(await read(190, 5), [191, 192, 193, 194, 195]);
    assertEquals(await read(198, 5), [199, 200]);
    assertEquals(
      await read(0, 150),
      Array.from({ length: 150 }, (_, index) => index + 1),
    );
    assertEquals(await read(200, 5), []);
    for (const beyond of [201, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER])
      assertEquals(await read(beyond, 5), []);
  });

  promise("reads an inbox up to a number of bytes, but at least one entry", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendTexts(store, ["a".repeat(1000), "b".repeat(1000), "c".repeat(1000), "d"]);
    const read = async (bytes: number): Promise<number> =>
      (await store.readInbox("bob", 0, { count: 10, bytes })).length;
    const [one = 0, two = 0] = (await opened.entries("bob", 4)).map(({ line }) => line.length);
    assertEquals(
      [await read(1), await read(one), await read(one + two - 1), await read(one + two)],
      [1, 1, 1, 2],
    );
    assertEquals(await read(1e6), 4);
  });

  promise("gives lines that say their own inbox number", async () => {
    await using opened = await open(["ann", "bob"]);
    await sendTexts(opened.store, ["1", "2", "3"]);
    const entries = await opened.entries("bob", 3);
    assertEquals(
      entries.map(({ line }) => readHint(line)?.inbox),
      [1, 2, 3],
    );
    assertEquals(
      entries.map(({ line }) => line.at(-1)),
      [10, 10, 10],
    );
    assertEquals(
      entries.map(({ line }) => frameOf(line).stamp),
      entries.map(({ stamp }) => stamp),
    );
  });

  promise("keeps the inboxes of different users apart", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await sendTexts(store, ["1", "2"], { to: "bob" });
    await sendTexts(store, ["3"], { to: "cid" });
    assertEquals(textsOf(await opened.frames("ann", 3)), ["1", "2", "3"]);
    assertEquals(textsOf(await opened.frames("bob", 2)), ["1", "2"]);
    assertEquals(textsOf(await opened.frames("cid", 1)), ["3"]);
  });
}

function testLogReads(promise: StorePromise, open: OpenStore): void {
  promise("reads a log page by page, from the newest to the oldest", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await Promise.all(Array.from({ length: 150 }, (_, index) => sendNew(store, { text: `${index + 1}` })));
    const pages: string[] = [];
    for (let before: number | undefined, isMore = true; isMore; ) {
      const page = await logPage(store, "ann:bob", { before, limits: { count: 70, bytes: 1e6 } });
      const seqs = page.entries.map(({ seq }) => seq);
      pages.push(`${seqs.at(0)}-${seqs.at(-1)}`);
      assertEquals(
        page.entries.map(({ text }) => text),
        seqs.map(String),
      );
      before = seqs.at(0);
      isMore = page.more;
    }
    assertEquals(pages, ["81-150", "11-80", "1-10"]);
  });

  promise("says exactly whether a log has older messages", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendTexts(store, ["1", "2", "3"]);
    const read = async (before: number | undefined, count: number): Promise<unknown> => {
      const { entries, more } = await logPage(store, "ann:bob", { before, limits: { count, bytes: 1e6 } });
      return [entries.map(({ seq }) => seq), more];
    };
    assertEquals(await read(undefined, 2), [[2, 3], true]);
    assertEquals(await read(undefined, 3), [[1, 2, 3], false]);
    assertEquals(await read(3, 2), [[1, 2], false]);
    assertEquals(await read(1, 2), [[], false]);
    assertEquals(await read(0, 2), [[], false]);
    assertEquals(await read(2 ** 33, 1), [[3], true]);
  });

  promise("has nothing in a log before the first message that one may see", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    const read = async (user: string, before: number): Promise<unknown> => {
      const { entries, more } = await logPage(store, "#tea", { user, before });
      return [entries.map(({ seq }) => seq), more];
    };
    await makeGroup(store, "#tea", ["ann"]);
    for (const before of [0, 1, 2]) assertEquals(await read("ann", before), [[], false]);
    await sendTexts(store, ["1", "2"], { to: "#tea" });
    await changeGroup(store, "#tea", "bob", { action: "join" });
    await sendTexts(store, ["3", "4"], { to: "#tea" });
    for (const before of [0, 1, 2, 3]) assertEquals(await read("bob", before), [[], false]);
    assertEquals(await read("bob", 4), [[3], false]);
    assertEquals(await read("ann", 0), [[], false]);
  });

  promise("reads a log up to a number of bytes, but at least one message", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await sendTexts(store, ["a".repeat(1000), "b".repeat(1000), "c".repeat(1000)]);
    const read = async (bytes: number): Promise<unknown> => {
      const { entries, more } = await logPage(store, "ann:bob", { limits: { count: 10, bytes } });
      return [entries.map(({ seq }) => seq), more];
    };
    assertEquals(await read(1), [[3], true]);
    assertEquals(await read(2500), [[2, 3], true]);
    assertEquals(await read(10_000), [[1, 2, 3], false]);
  });

  promise("gives every field of a message in the log", async () => {
    await using opened = await open(["ann", "bob"]);
    await sendNew(opened.store, { id: "x", text: "t" });
    const { entries } = await logPage(opened.store, "ann:bob");
    const entry = { conversation: "ann:bob", seq: 1, id: "x", from: "ann", to: "bob", text: "t", at: NOW };
    assertEquals([...entries], [entry]);
    assertEquals((await logPage(opened.store, "ann:cid")).entries, []);
  });

  promise("gives the log of a pair to the two and to nobody else", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    await sendNew(opened.store);
    const read = (user: string): Promise<unknown> =>
      opened.store.readLog(user, "ann:bob", undefined, EVERYTHING);
    assertEquals(await read("cid"), "not_member");
    assertEquals(await read("ann"), await read("bob"));
  });
}
