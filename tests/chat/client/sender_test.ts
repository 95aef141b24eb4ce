import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { Sender } from "../../../src/chat/client/sender.ts";
import { ChatError, Exchange } from "../../../src/chat/mod.ts";
import { test } from "../../testing.ts";

interface SendFrame {
  readonly id: string;
  readonly to: string;
  readonly text: string;
  readonly round: number;
}

/** A server at the end of one connection, that answers when the test wants it. */
class Counter {
  /** What came, in order. */
  readonly came: SendFrame[] = [];
  #line: (json: string) => void = () => undefined;
  #close: () => void = () => undefined;

  async open(): Promise<Exchange> {
    const ignore = () => undefined;
    return await Exchange.open(
      async (handler) => {
        this.#line = handler.line;
        this.#close = handler.close;
        return {
          write: (json) => void this.came.push(JSON.parse(json) as SendFrame),
          close: handler.close,
          abort: handler.close,
        };
      },
      { event: ignore, heard: ignore },
      AbortSignal.timeout(10_000),
    );
  }

  answer({ id }: SendFrame, answer: object = { type: "ok", seq: 1 }): void {
    this.#line(JSON.stringify({ ...answer, id }));
  }

  cut(): void {
    this.#close();
  }

  get texts(): string[] {
    return this.came.map(({ text }) => text);
  }
}

/** Lets what answers have set off run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a send without an answer for longer than the server remembers its id is unknown, and those behind it leave", async () => {
  const clock = new ManualClock();
  const sender = new Sender(1000, clock);
  const first = new Counter();
  sender.online(await first.open());
  const sent = Array.from({ length: 100 }, (_, index) => sender.post("bob", `${index}`).sent);
  const outcomes = sent.map((one) =>
    one.then(
      () => "stored",
      (error: unknown) => (error instanceof ChatError ? error.code : "wrong"),
    ),
  );
  assertEquals(first.came.length, 64);
  sender.offline();
  clock.advance(3_600_000);
  const second = new Counter();
  sender.online(await second.open());
  assertEquals(
    second.texts,
    Array.from({ length: 36 }, (_, index) => `${index + 64}`),
  );
  for (const frame of second.came) second.answer(frame);
  const found = await Promise.all(outcomes);
  assertEquals(
    [found.slice(0, 64).every((one) => one === "unknown"), found.slice(64).every((one) => one === "stored")],
    [true, true],
  );
});

test("a send that the server cannot store now holds up no more than 900 sends of others, which leave once it is stored", async () => {
  const clock = new ManualClock();
  const sender = new Sender(10_000, clock);
  const server = new Counter();
  sender.online(await server.open());
  const stuck = sender.post("ada", "stuck").sent;
  const [frame] = server.came;
  if (!frame) throw new Error("nothing came");
  server.answer(frame, { type: "error", code: "unavailable", message: "not now" });
  await settled();
  const others = Array.from({ length: 1500 }, (_, index) => sender.post(`r${index % 300}`, `${index}`).sent);
  let answered = 1;
  while (answered < server.came.length) {
    for (; answered < server.came.length; answered++) server.answer(server.came[answered] ?? frame);
    await settled();
  }
  assertEquals(answered, 901);
  clock.advance(600);
  const again = server.came[901];
  assertEquals([again?.text, again?.id], ["stuck", frame.id]);
  for (; answered < server.came.length; ) {
    for (; answered < server.came.length; answered++) server.answer(server.came[answered] ?? frame);
    await settled();
  }
  await Promise.all([stuck, ...others]);
  assertEquals(new Set(server.texts).size, 1501);
});

test("what is sent again after a refusal is of a later round than what was under way with it, so that the server can tell them apart", async () => {
  const clock = new ManualClock();
  const sender = new Sender(100, clock);
  const server = new Counter();
  sender.online(await server.open());
  const sent = [sender.post("bob", "1").sent, sender.post("bob", "2").sent, sender.post("ada", "3").sent];
  const [first, second, third] = server.came;
  if (!first || !second || !third) throw new Error("three sends were to come");
  server.answer(first, { type: "error", code: "unavailable", message: "not now" });
  sent.push(sender.post("eve", "4").sent);
  server.answer(second, { type: "error", code: "unavailable", message: "not now", retry: 100 });
  server.answer(third);
  await settled();
  clock.advance(600);
  for (const frame of server.came.slice(3)) server.answer(frame);
  await Promise.all(sent);
  assertEquals(
    server.came.map(({ text, round }) => [text, round]),
    [
      ["1", 0],
      ["2", 0],
      ["3", 0],
      ["4", 1],
      ["1", 1],
      ["2", 1],
    ],
  );
});

test("what leaves behind a send that has no answer yet is of its round, whatever was refused to others meanwhile", async () => {
  const clock = new ManualClock();
  const sender = new Sender(100, clock);
  const server = new Counter();
  sender.online(await server.open());
  const sent = [sender.post("bob", "1").sent, sender.post("ada", "2").sent];
  const [first, second] = server.came;
  if (!first || !second) throw new Error("two sends were to come");
  server.answer(second, { type: "error", code: "unavailable", message: "not now" });
  sent.push(sender.post("bob", "3").sent);
  // Refused as well: the server cannot know that it is behind nothing that was.
  server.answer(first, { type: "error", code: "unavailable", message: "not now" });
  const third = server.came[2];
  if (!third) throw new Error("a third send was to come");
  server.answer(third, { type: "error", code: "unavailable", message: "a message before it" });
  await settled();
  clock.advance(600);
  for (const frame of server.came.slice(3)) server.answer(frame);
  await Promise.all(sent);
  assertEquals(
    server.came.map(({ text, round }) => [text, round]),
    [
      ["1", 0],
      ["2", 0],
      ["3", 0],
      ["2", 1],
      ["1", 1],
      ["3", 1],
    ],
  );
});

test("a send beyond the most that may wait is rate_limited at once", async () => {
  const sender = new Sender(2, new ManualClock());
  const waiting = [sender.post("bob", "1").sent, sender.post("bob", "2").sent];
  const error = await assertRejects(() => sender.post("bob", "3").sent, ChatError);
  assertEquals(error.code, "rate_limited");
  sender.close(new ChatError("closed", "over"));
  for (const one of waiting) assertEquals((await assertRejects(() => one, ChatError)).code, "closed");
});

test("at the end a send that has left is unknown, and one that has not is closed", async () => {
  const sender = new Sender(1000, new ManualClock());
  sender.online(await new Counter().open());
  const left = Array.from({ length: 3 }, (_, index) => sender.post("bob", `${index}`).sent);
  sender.offline();
  const kept = sender.post("bob", "never left").sent;
  sender.close(new ChatError("closed", "over"));
  const codes = [...left, kept].map(async (one) => (await assertRejects(() => one, ChatError)).code);
  assertEquals(await Promise.all(codes), ["unknown", "unknown", "unknown", "closed"]);
});
