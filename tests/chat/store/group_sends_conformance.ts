import { assertEquals } from "@std/assert";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import {
  changeGroup,
  frameOf,
  linesOf,
  logPage,
  makeGroup,
  NOW,
  outgoing,
  readAll,
  sendMany,
  sendNew,
  sendTexts,
  seqOf,
  textsOf,
} from "./store_steps.ts";

/** Messages to groups, and who gets them while members come and go. */
export function testGroupSends(promise: StorePromise, open: OpenStore): void {
  testFanOut(promise, open);
  testComingAndGoing(promise, open);
  testGroupHistory(promise, open);
}

function testFanOut(promise: StorePromise, open: OpenStore): void {
  promise("puts a message to a group into every member's inbox, with the same place in the log", async () => {
    await using opened = await open(["ann", "bob", "cid", "dan"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob", "cid"]);
    await sendNew(store, { from: "dan", to: "bob" });
    assertEquals(await sendNew(store, { from: "bob", to: "#g", text: "all", id: "x1" }), 1);
    await opened.entries("bob", 2);
    for (const user of ["ann", "bob", "cid"]) {
      const frame = frameOf(linesOf(await opened.entries(user, 1)).at(-1) ?? "");
      const { type, conversation, seq, from, text } = frame;
      assertEquals([type, conversation, seq, from, text], ["message", "#g", 1, "bob", "all"], user);
      assertEquals(frame.inbox, user === "bob" ? 2 : 1);
    }
    assertEquals((await readAll(store, "dan")).length, 1);
  });

  promise("refuses a message to a group that there is not, or from who is no member", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    assertEquals(await store.send(outgoing({ to: "#g" })), { outcome: "unknown_group" });
    await makeGroup(store, "#g", ["bob"]);
    assertEquals(await store.send(outgoing({ to: "#g" })), { outcome: "not_member" });
    await changeGroup(store, "#g", "bob", { action: "invite", name: "ann" });
    assertEquals(await store.send(outgoing({ to: "#g" })), { outcome: "not_member" });
    assertEquals(await readAll(store, "bob"), []);
    assertEquals(await sendNew(store, { from: "bob", to: "#g" }), 1);
  });

  promise(
    "gives all members one order, without holes and each message once, whoever sends at once",
    async () => {
      const users = ["ann", "bob", "cid", "dan"];
      await using opened = await open(users);
      const { store } = opened;
      await makeGroup(store, "#g", users);
      await Promise.all(users.map((from) => sendMany(store, 50, { from, to: "#g" })));
      const seqs = Array.from({ length: 200 }, (_, index) => index + 1);
      for (const user of users)
        assertEquals(
          (await opened.frames(user, 200)).map(({ inbox, seq }) => [inbox, seq]),
          seqs.map((seq) => [seq, seq]),
          user,
        );
    },
  );

  promise(
    "answers a repeated send to a group like the first one, also once its sender has left",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await makeGroup(store, "#g", ["ann", "bob"]);
      const message = outgoing({ to: "#g" });
      const first = { outcome: "stored", seq: 1, at: NOW, duplicate: false } as const;
      assertEquals(await store.send(message), first);
      assertEquals(await store.send(message), { ...first, duplicate: true });
      await changeGroup(store, "#g", "ann", { action: "leave" });
      assertEquals(await store.send(message), { ...first, duplicate: true });
      assertEquals(await store.send({ ...message, text: "other" }), { outcome: "id_reused" });
      assertEquals((await opened.entries("bob", 1)).length, 1);
    },
  );

  promise("reaches 300 members, each once, with a hint for each", async () => {
    const users = Array.from({ length: 300 }, (_, index) => `u${index}`);
    await using opened = await open(users);
    const { store } = opened;
    const [owner = "", ...others] = users;
    await makeGroup(store, "#g", [owner]);
    await Promise.all(others.map((user) => changeGroup(store, "#g", user, { action: "join" })));
    await sendTexts(store, ["1", "2"], { from: "u7", to: "#g" });
    for (const user of users) {
      const hints = await opened.hints(user, 2);
      assertEquals(
        hints.map((line) => frameOf(line).text),
        ["1", "2"],
        user,
      );
      assertEquals(linesOf(await readAll(store, user)), hints, user);
    }
  });
}

function testComingAndGoing(promise: StorePromise, open: OpenStore): void {
  promise(
    "gives a member what was sent after they joined, and nothing that was sent after they left",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await makeGroup(store, "#g", ["ann"]);
      await sendTexts(store, ["1", "2"], { to: "#g" });
      await changeGroup(store, "#g", "bob", { action: "join" });
      await sendTexts(store, ["3"], { to: "#g" });
      await opened.entries("bob", 1);
      await changeGroup(store, "#g", "bob", { action: "leave" });
      await sendTexts(store, ["4", "5"], { to: "#g" });
      await changeGroup(store, "#g", "bob", { action: "join" });
      await sendTexts(store, ["6"], { to: "#g" });
      assertEquals(textsOf(await opened.frames("bob", 2)), ["3", "6"]);
      assertEquals(textsOf(await opened.frames("ann", 6)), ["1", "2", "3", "4", "5", "6"]);
      assertEquals(
        (await opened.frames("bob", 2)).map(({ inbox, seq }) => [inbox, seq]),
        [
          [1, 3],
          [2, 6],
        ],
      );
    },
  );

  promise(
    "gives who joins and leaves again and again while messages come each they were there for, once",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await makeGroup(store, "#g", ["ann"]);
      const sending = sendTexts(
        store,
        Array.from({ length: 120 }, (_, index) => `${index}`),
        { to: "#g" },
      );
      for (let round = 0; round < 6; round++) {
        await changeGroup(store, "#g", "bob", { action: "join" });
        assertEquals((await sendNew(store, { from: "bob", to: "#g" })) > 0, true);
        await changeGroup(store, "#g", "bob", { action: "leave" });
      }
      await sending;
      await changeGroup(store, "#g", "bob", { action: "join" });
      const last = await sendNew(store, { from: "bob", to: "#g" });
      await opened.entries("ann", last);
      // The one sent last is the last one that bob gets; all of his own are among them.
      let all = await opened.frames("bob", 7);
      while (all.at(-1)?.seq !== last) all = await opened.frames("bob", all.length + 1);
      const seqs = all.map(({ seq }) => seq);
      assertEquals(
        seqs,
        [...new Set(seqs)].sort((one, other) => one - other),
      );
      assertEquals(all.filter(({ from }) => from === "bob").length, 7);
    },
  );

  promise("gives who was removed nothing more, and who is invited nothing yet", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob"]);
    await changeGroup(store, "#g", "ann", { action: "invite", name: "cid" });
    await sendTexts(store, ["1"], { to: "#g" });
    await opened.entries("bob", 1);
    await changeGroup(store, "#g", "ann", { action: "remove", name: "bob" });
    await sendTexts(store, ["2"], { to: "#g" });
    await opened.entries("ann", 2);
    assertEquals(textsOf(await opened.frames("bob", 1)), ["1"]);
    assertEquals(await store.send(outgoing({ from: "bob", to: "#g" })), { outcome: "not_member" });
    assertEquals(await readAll(store, "cid"), []);
  });

  promise("goes on counting in a group that is made again, and shows nothing of the old one", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann"]);
    await sendTexts(store, ["1", "2"], { to: "#g" });
    await opened.entries("ann", 2);
    await changeGroup(store, "#g", "ann", { action: "delete" });
    assertEquals(await store.send(outgoing({ to: "#g" })), { outcome: "unknown_group" });
    await makeGroup(store, "#g", ["bob", "ann"]);
    assertEquals(await sendNew(store, { from: "bob", to: "#g", text: "3" }), 3);
    assertEquals(textsOf(await opened.frames("bob", 1)), ["3"]);
    assertEquals(textsOf(await opened.frames("ann", 3)), ["1", "2", "3"]);
    assertEquals(
      (await logPage(store, "#g", { user: "ann" })).entries.map(({ text }) => text),
      ["3"],
    );
  });
}

function testGroupHistory(promise: StorePromise, open: OpenStore): void {
  promise(
    "shows a member the log from where they joined, and says exactly whether there is more",
    async () => {
      await using opened = await open(["ann", "bob"]);
      const { store } = opened;
      await makeGroup(store, "#g", ["ann"]);
      await sendTexts(store, ["1", "2"], { to: "#g" });
      await changeGroup(store, "#g", "bob", { action: "join" });
      assertEquals(await logPage(store, "#g", { user: "bob" }), { entries: [], more: false });
      await sendTexts(store, ["3", "4"], { to: "#g" });
      const page = async (count: number, before?: number): Promise<unknown> => {
        const limits = { count, bytes: 1e6 };
        const { entries, more } = await logPage(store, "#g", { user: "bob", before, limits });
        return [entries.map(({ text }) => text), more];
      };
      assertEquals(await page(1), [["4"], true]);
      assertEquals(await page(2), [["3", "4"], false]);
      assertEquals(await page(9), [["3", "4"], false]);
      assertEquals(await page(2, 4), [["3"], false]);
      assertEquals(await page(2, 2), [[], false]);
      assertEquals((await logPage(store, "#g", { user: "ann" })).entries.length, 4);
    },
  );

  promise("shows the log of a group to no one else", async () => {
    await using opened = await open(["ann", "bob", "cid"]);
    const { store } = opened;
    await makeGroup(store, "#g", ["ann", "bob"]);
    await sendTexts(store, ["1"], { to: "#g" });
    await changeGroup(store, "#g", "bob", { action: "leave" });
    await changeGroup(store, "#g", "ann", { action: "invite", name: "cid" });
    const read = (user: string, group: string): Promise<unknown> =>
      store.readLog(user, group, undefined, { count: 1, bytes: 1 });
    assertEquals(await read("bob", "#g"), "not_member");
    assertEquals(await read("cid", "#g"), "not_member");
    assertEquals(await read("ann", "#h"), "unknown_group");
    await changeGroup(store, "#g", "bob", { action: "join" });
    assertEquals((await logPage(store, "#g", { user: "bob" })).entries, [], "joined anew");
  });

  promise("keeps the ids of a group apart from those of a pair and of another group", async () => {
    await using opened = await open(["ann", "bob"]);
    const { store } = opened;
    for (const group of ["#g", "#h"]) await makeGroup(store, group, ["ann"]);
    const results = await Promise.all(
      ["#g", "#h", "bob"].map((to, index) => store.send(outgoing({ to, id: "same", text: `${index}` }))),
    );
    assertEquals(results.map(seqOf), [1, 1, 1]);
  });
}
