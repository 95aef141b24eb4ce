import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { ChatClient, ChatError, connectChat, type Dial } from "../../../src/chat/mod.ts";
import { test } from "../../testing.ts";

/** Answers the logins of a client by a script, one answer a connection; what comes after a login stays open. */
class Script {
  /** How often it was dialed. */
  dials = 0;
  /** The numbers of the logins. */
  readonly attempts: number[] = [];
  /** Cuts the connection. */
  cut: () => void = () => undefined;
  /** Nothing comes from the server any more, and it hears nothing: neither pings nor goodbyes. */
  isDead = false;
  /** How often it was pinged. */
  pings = 0;
  /** How the client has ended its connections. */
  readonly ends: ("in order" | "at once")[] = [];
  readonly #answers: readonly object[];

  constructor(...answers: readonly object[]) {
    this.#answers = answers;
  }

  readonly dial: Dial = async (handler) => {
    const answer = this.#answers[this.dials];
    this.dials += 1;
    return {
      write: (json) => {
        this.cut = handler.close;
        const { type, id, attempt } = JSON.parse(json) as { type: string; id: string; attempt: number };
        if (type === "login") this.attempts.push(attempt);
        if (type === "login") setImmediate(() => handler.line(JSON.stringify({ ...answer, id })));
        if (type !== "ping") return;
        this.pings += 1;
        if (!this.isDead) handler.line(JSON.stringify({ type: "pong", server: "s" }));
      },
      close: () => {
        this.ends.push("in order");
        if (!this.isDead) handler.close();
      },
      abort: () => {
        this.ends.push("at once");
        handler.close();
      },
    };
  };
}

const OK = { type: "ok", user: "ada", token: "t", server: "s", epoch: "e", inbox: 0, resumed: false };

/** Lets everything that can run without the clock run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("a client that is told to log in later waits as long, and no longer than that and its back-off", async () => {
  const clock = new ManualClock();
  const script = new Script({ type: "error", code: "rate_limited", message: "later", retry: 30_000 }, OK);
  const connecting = connectChat({
    dial: script.dial,
    credentials: { name: "ada", password: "secret" },
    clock,
  });
  await settled();
  clock.advance(29_999);
  await settled();
  assertEquals(script.dials, 1);
  clock.advance(1);
  const client = await connecting;
  assertEquals([script.dials, client.user, client.token], [2, "ada", "t"]);
  await client.close();
});

test("a login that fails for a while is tried again, and one that is refused for good is not", async () => {
  const clock = new ManualClock();
  const away = { type: "error", code: "unavailable", message: "the store does not answer" };
  const script = new Script(away, away, { type: "error", code: "bad_credentials", message: "no" }, OK);
  const failed = assertRejects(
    () => connectChat({ dial: script.dial, credentials: { token: "old" }, clock }),
    ChatError,
  );
  for (let tries = 0; tries < 5; tries++) {
    await settled();
    clock.advance(5000);
  }
  assertEquals([(await failed).code, script.dials], ["bad_credentials", 3]);
});

test("a client numbers its logins by its clock, and above that of one that was quicker", async () => {
  const clock = new ManualClock(1000);
  const later = { type: "error", code: "unavailable", message: "a later login was quicker", attempt: 5000 };
  const script = new Script(later, OK, OK);
  const connecting = connectChat({ dial: script.dial, credentials: { token: "t" }, clock });
  await settled();
  clock.advance(500);
  const client = await connecting;
  script.cut();
  await settled();
  clock.advance(500);
  await settled();
  assertEquals(script.attempts, [1000, 5001, 5002]);
  await client.close();
});

test("a client whose connections end soon after their logins comes back ever later, and at once after one that lasted", async () => {
  const clock = new ManualClock();
  const script = new Script(...Array.from({ length: 9 }, () => OK));
  const client = await connectChat({ dial: script.dial, credentials: { token: "t" }, clock });
  const cutAndWait = async (ms: number): Promise<number> => {
    script.cut();
    await settled();
    clock.advance(ms);
    await settled();
    return script.dials;
  };
  for (let dials = 2; dials < 8; dials++) assertEquals(await cutAndWait(5000), dials);
  assertEquals(await cutAndWait(1000), 7);
  clock.advance(4000);
  await settled();
  assertEquals(script.dials, 8);
  clock.advance(5000);
  assertEquals(await cutAndWait(100), 9);
  await client.close();
});

test("a client that is closed as soon as it is online ends its connection in order: what it has written goes out", async () => {
  const script = new Script(OK);
  const client: ChatClient = new ChatClient({
    dial: script.dial,
    credentials: { token: "t" },
    handler: { online: () => void client.close() },
  });
  assertEquals(await client.closed, "closed");
  await settled();
  assertEquals(script.ends, ["in order"]);
});

test("what is asked for in the moment in which the connection is lost is unavailable, too", async () => {
  const clock = new ManualClock();
  const script = new Script(OK);
  const client = await connectChat({ dial: script.dial, credentials: { token: "t" }, clock });
  const again = client.friends.list().catch(() => client.friends.list());
  await settled();
  script.cut();
  assertEquals((await assertRejects(() => again, ChatError)).code, "unavailable");
  await client.close();
});

test("a client whose server says nothing for 15 s after a ping goes elsewhere, without waiting for goodbyes", async () => {
  const clock = new ManualClock();
  const script = new Script(OK, OK);
  const client = await connectChat({ dial: script.dial, credentials: { token: "t" }, clock });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  await pass(30_000);
  await pass(30_000);
  assertEquals([script.pings, script.dials], [2, 1]);
  script.isDead = true;
  await pass(30_000);
  await pass(14_999);
  assertEquals([script.pings, script.dials], [3, 1]);
  await pass(1);
  script.isDead = false;
  await pass(1000);
  assertEquals(script.dials, 2);
  await client.close();
});
