import { assert, assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

const PERIODS = 4;
const GROUP = "#team";

/** A send with its number, and the times between which it got it. */
interface Sent {
  readonly seq: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A membership: when it was asked for and was there, when its end was asked for and was there. */
interface Period {
  readonly askedMs: number;
  readonly inMs: number;
  leavingMs: number;
  outMs: number;
}

/** Sends to the group, a few at once, until told to stop. */
class Talker {
  readonly sent: Sent[] = [];
  readonly done: Promise<unknown>;
  readonly #client: RawClient;
  #isOver = false;

  constructor(client: RawClient) {
    this.#client = client;
    this.done = Promise.all(Array.from({ length: 4 }, () => this.#talk()));
  }

  /** Resolves after so many more sends. */
  async goOn(count: number): Promise<void> {
    const goal = this.sent.length + count;
    await this.#client.until("more sends", () => (this.sent.length >= goal ? true : undefined));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.done;
  }

  async #talk(): Promise<void> {
    while (!this.#isOver) {
      const fromMs = performance.now();
      const answer = await this.#client.ask({ type: "send", to: GROUP, text: `at ${fromMs}` });
      assertEquals(answer.type, "ok", JSON.stringify(answer));
      this.sent.push({ seq: Number(answer.seq), fromMs, untilMs: performance.now() });
    }
  }
}

/** What somebody with these memberships must have seen, and may have seen. */
function bounds(sent: readonly Sent[], periods: readonly Period[]): { must: number[]; may: Set<number> } {
  const within = (isIn: (one: Sent, period: Period) => boolean) =>
    sent.filter((one) => periods.some((period) => isIn(one, period))).map(({ seq }) => seq);
  return {
    must: within((one, period) => one.fromMs > period.inMs && one.untilMs < period.leavingMs),
    may: new Set(within((one, period) => one.untilMs > period.askedMs && one.fromMs < period.outMs)),
  };
}

for (const store of STORES) {
  test(`who joins, leaves and joins again while messages are on their way sees all from where they joined, once, and none after (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using bob = await RawClient.login(cluster.at(1), "bob");
    assertEquals((await ada.ask({ type: "group.create", group: GROUP, mode: "open" })).type, "ok");
    const talker = new Talker(ada);
    const periods: Period[] = [];
    for (let round = 0; round < PERIODS; round++) {
      await talker.goOn(30);
      const askedMs = performance.now();
      assertEquals((await bob.ask({ type: "group.join", group: GROUP })).type, "ok");
      const inMs = performance.now();
      await talker.goOn(30);
      const leavingMs = performance.now();
      assertEquals((await bob.ask({ type: "group.leave", group: GROUP })).type, "ok");
      periods.push({ askedMs, inMs, leavingMs, outMs: performance.now() });
    }
    await talker.goOn(30);
    // A last time, so that what comes after shows that nothing else is on its way.
    const askedMs = performance.now();
    await bob.ask({ type: "group.join", group: GROUP });
    periods.push({ askedMs, inMs: performance.now(), leavingMs: Infinity, outMs: Infinity });
    await talker.goOn(10);
    await talker.stop();
    const last = Math.max(...talker.sent.map(({ seq }) => seq));
    await bob.until("the last message", () => bob.messages.find(({ seq }) => seq === last));

    const seen = bob.messages.map(({ seq }) => Number(seq));
    assertEquals(
      seen,
      [...new Set(seen)].sort((one, other) => one - other),
      "in order and once",
    );
    const { must, may } = bounds(talker.sent, periods);
    assert(must.length > PERIODS * 20, "there was to be something to see");
    assertEquals(
      must.filter((seq) => !seen.includes(seq)),
      [],
      "sent while a member, not seen",
    );
    assertEquals(
      seen.filter((seq) => !may.has(seq)),
      [],
      "seen, not sent while a member",
    );
    const holes = seen.filter((seq, index) => index > 0 && seq !== (seen[index - 1] ?? 0) + 1).length;
    assertEquals(holes, PERIODS, "holes only where somebody was out");
    const all = Array.from({ length: last }, (_, index) => index + 1);
    await ada.hasMessages(last);
    assertEquals(
      ada.messages.map(({ seq }) => seq),
      all,
      "the one who stayed sees all",
    );
  });
}
