import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import { type ChatClient, ChatError } from "../../src/chat/mod.ts";
import { Sending } from "../../src/cli/client_sending.ts";
import { test } from "../testing.ts";

type Sent = Awaited<ReturnType<ChatClient["send"]>>;

/** A client that answers when it is told to. */
function handClient() {
  const open: PromiseWithResolvers<Sent>[] = [];
  let isClosed = false;
  return {
    answer: () => open.shift()?.resolve({ conversation: "ada:bob", seq: 1, at: 0, duplicate: false }),
    get isClosed() {
      return isClosed;
    },
    send: (): Promise<Sent> => {
      if (isClosed) return Promise.reject(new ChatError("closed", "the client is closed"));
      const asked = Promise.withResolvers<Sent>();
      open.push(asked);
      return asked.promise;
    },
    close: async (): Promise<void> => {
      isClosed = true;
      for (const { reject } of open) reject(new ChatError("closed", "the client is closed"));
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("answers that come slowly are waited for, and what is sent after the time is over is counted, too", async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const client = handClient();
  const sending = new Sending((line) => told.push(line), clock);
  sending.start(client);
  for (const to of ["bob", "bob", "#sea"]) await sending.send(to, "hello");
  clock.advance(60_000);
  sending.hurry(1000);
  for (let count = 0; count < 2; count++) {
    clock.advance(999);
    client.answer();
    await settled();
  }
  clock.advance(999);
  assertEquals([client.isClosed, told], [false, []]);
  clock.advance(1);
  await sending.answered();
  for (let number = 1; number <= 11; number++) await sending.send(`u${number}`, "late");
  await sending.answered();
  sending.finish();
  const named = Array.from({ length: 9 }, (_, index) => `, 1 to u${index + 1}`).join("");
  const words = "— no answer for 1s: 12 messages not sent, as far as is known: 1 to #sea";
  assertEquals([told, clock.pending], [[`${words}${named}, 2 to others`], 0]);
});

test("where all is answered in time nothing is told, and no timer is left", async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const client = handClient();
  const sending = new Sending((line) => told.push(line), clock);
  sending.start(client);
  await sending.send("bob", "hello");
  sending.hurry(1000);
  client.answer();
  await sending.answered();
  sending.finish();
  assertEquals([told, clock.pending, client.isClosed], [[], 0, false]);
});

test("what the server is asked too fast is asked again when it may be, for a minute in all", async () => {
  const clock = new ManualClock();
  const sending = new Sending(() => undefined, clock);
  let asked = 0;
  const tooFast = (retryMs: number) => async (): Promise<string> => {
    asked += 1;
    if (asked < 3) throw new ChatError("rate_limited", "too fast", { retryMs });
    return "done";
  };
  const answer = sending.askPatiently(tooFast(20_000));
  for (const count of [1, 2]) {
    await settled();
    assertEquals([asked, clock.pending], [count, 1]);
    clock.advance(20_000);
  }
  assertEquals(await answer, "done");
  asked = 0;
  await assertRejects(() => sending.askPatiently(tooFast(60_001)), ChatError, "too fast");
  assertEquals([asked, clock.pending], [1, 0]);
});
