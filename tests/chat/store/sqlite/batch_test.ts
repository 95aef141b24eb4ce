import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { StoreError, sqliteStore, type WriteOp, type WriteResult } from "../../../../src/chat/store/mod.ts";
import { test } from "../../../testing.ts";
import { openQuietWriter, temporaryFolder } from "../open_stores.ts";
import { frames, outgoing } from "../store_steps.ts";

const USERS = Array.from({ length: 300 }, (_, index) => `u${index}`);

/** Makes a group of all {@linkcode USERS}. */
const GROUP: readonly WriteOp[] = [
  ...USERS.map((name): WriteOp => ({ type: "create_user", user: { name, password: "p" } })),
  ...USERS.map((by, index): WriteOp => {
    const change =
      index === 0 ? ({ action: "create", mode: "open" } as const) : ({ action: "join" } as const);
    return { type: "group", group: "#g", by, change };
  }),
];

function sends(count: number): readonly WriteOp[] {
  return Array.from({ length: count }, (_, index) => ({
    type: "send",
    message: outgoing({ from: "u0", to: "#g", text: `${index}` }),
  }));
}

function send(from: string, text: string): WriteOp {
  return { type: "send", message: outgoing({ from, to: "#g", text }) };
}

/** Makes messages with the text `poison` fail, alone: what a full disk does to a long one. */
function poison(folder: string): void {
  const database = new DatabaseSync(join(folder, "chat.sqlite"));
  database.exec(`
    CREATE TRIGGER poison BEFORE INSERT ON messages WHEN instr(NEW.tail, CAST('poison' AS BLOB))
    BEGIN SELECT RAISE(ABORT, 'no room'); END`);
  database.close();
}

function typesOf(results: readonly WriteResult[]): readonly string[] {
  return results.map(({ type }) => type);
}

/** Counts the hints of each commit: they come in one go. */
class Commits {
  readonly sizes: number[] = [];
  #isOpen = false;

  add(): void {
    if (!this.#isOpen) {
      this.sizes.push(0);
      this.#isOpen = true;
      queueMicrotask(() => {
        this.#isOpen = false;
      });
    }
    this.sizes.push((this.sizes.pop() ?? 0) + 1);
  }
}

test("a writer divides what is asked for at once when it makes too many entries, and keeps its order", async () => {
  await using folder = await temporaryFolder();
  const commits = new Commits();
  await using writer = await openQuietWriter(folder.path, { hint: () => commits.add(), durable: "memory" });
  await writer.write(GROUP);
  const [first, second] = await Promise.all([writer.write(sends(20)), writer.write(sends(3))]);
  const seqs = [...first, ...second].map((result) =>
    result.type === "sent" && result.result.outcome === "stored" ? result.result.seq : 0,
  );
  assertEquals([first.length, second.length], [20, 3]);
  assertEquals(
    seqs,
    seqs.map((_, index) => index + 1),
  );
  assertEquals(
    commits.sizes.reduce((sum, size) => sum + size, 0),
    23 * USERS.length,
  );
  assert(Math.max(...commits.sizes) < 2000 + USERS.length, `commits of ${commits.sizes} entries`);
  await using store = await sqliteStore({ dir: folder.path, writer });
  assertEquals((await frames(store, "u299")).length, 23);
});

test("a writer that is closed stores all of what was divided", async () => {
  await using folder = await temporaryFolder();
  const writer = await openQuietWriter(folder.path, { durable: "memory" });
  await writer.write(GROUP);
  const writing = writer.write(sends(20));
  await writer.close();
  assertEquals((await writing).filter(({ type }) => type === "sent").length, 20);
});

test("a writer rejects the whole of what was divided when a later part fails, and goes on after that", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "chat.sqlite");
  let intruder: DatabaseSync | undefined;
  const during: string[] = [];
  await using writer = await openQuietWriter(folder.path, {
    durable: "memory",
    onError: (_, context) => during.push(context.during),
    hint() {
      if (intruder) return;
      // Until then no other connection may write.
      void writer.flush();
      intruder = new DatabaseSync(path);
      intruder.exec("BEGIN IMMEDIATE");
    },
  });
  await writer.write(GROUP);
  const error = await assertRejects(() => writer.write(sends(20)), StoreError, "locked");
  assertEquals([error.code, during], ["unavailable", ["write"]]);
  intruder?.exec("ROLLBACK");
  intruder?.close();
  const [result] = await writer.write(sends(1));
  const seq = result?.type === "sent" && result.result.outcome === "stored" ? result.result.seq : 0;
  assertEquals(seq, 8, "the seven messages of the first part are stored, the others are not");
});

test("a writer lets no message of a sender overtake one that failed in an earlier part", async () => {
  await using folder = await temporaryFolder();
  const errors: string[] = [];
  await using writer = await openQuietWriter(folder.path, {
    durable: "memory",
    onError: ({ message }) => errors.push(message),
  });
  await writer.write(GROUP);
  poison(folder.path);
  // Seven messages go into a part.
  const others = USERS.slice(1, 9).map((user) => send(user, "other"));
  const divided = writer.write([send("u0", "poison"), ...others, send("u0", "second")]);
  const separate = [...others, send("u0", "third"), ...others, send("u0", "fourth")].map((op) =>
    writer.write([op]),
  );
  const results = [await divided, ...(await Promise.all(separate))].map(typesOf);
  const sent = others.map(() => "sent");
  assertEquals(results.flat(), ["failed", ...sent, "failed", ...sent, "failed", ...sent, "failed"]);
  assertEquals(errors.length, 1, errors.join("; "));
  assertEquals(typesOf(await writer.write([send("u0", "again")])), ["sent"]);
});

test("a writer lets nothing overtake what fails since it waited behind a message that failed", async () => {
  await using folder = await temporaryFolder();
  const late: Promise<readonly WriteResult[]>[] = [];
  await using writer = await openQuietWriter(folder.path, {
    durable: "memory",
    onError: () => late.push(writer.write([send("u0", "third")])),
  });
  await writer.write(GROUP);
  poison(folder.path);
  const others = USERS.slice(1, 9).map((user) => send(user, "other"));
  const results = await writer.write([send("u0", "poison"), ...others, send("u0", "second")]);
  assertEquals(typesOf(results).filter((type) => type === "failed").length, 2);
  assertEquals((await Promise.all(late)).map(typesOf), [["failed"]]);
});
