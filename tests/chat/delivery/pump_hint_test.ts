import { assertEquals } from "@std/assert";
import { systemClock } from "../../../src/async/mod.ts";
import { Pump, type PumpOptions } from "../../../src/chat/delivery/pump.ts";
import type { Link } from "../../../src/chat/session/link.ts";
import { messageLine } from "../../../src/chat/store/line.ts";
import { test } from "../../testing.ts";

const lineOf = (inbox: number): Uint8Array =>
  new TextEncoder().encode(messageLine(inbox, 1, inbox, '"conversation":"a:b"}'));

test("an entry that is hinted while the pump asks where the inbox stands is sent without another hint", async () => {
  const sent = Promise.withResolvers<void>();
  const first = 11;
  let top = 20;
  const store: PumpOptions["store"] = {
    async readInbox(_, after, { count }) {
      const start = Math.max(after + 1, first);
      const length = Math.max(0, Math.min(count, top - start + 1));
      return Array.from({ length }, (_, index) => ({
        inbox: start + index,
        stamp: 1,
        line: lineOf(start + index),
      }));
    },
    async inboxState() {
      const state = { epoch: "e", floor: first - 1, top, stamp: 1 };
      // It comes just after the state was read, and its hint is faster than the answer.
      top = 21;
      pump.hint({ inbox: top, stamp: 1, line: lineOf(top) });
      return state;
    },
  };
  const link = { queuedBytes: 0, write: () => true } as unknown as Link;
  const pump: Pump = new Pump({
    store,
    link,
    user: "u",
    epoch: "e",
    next: 5,
    before: undefined,
    top,
    maxQueuedFrames: 256,
    clock: systemClock,
    onSend: ({ inbox }) => {
      if (inbox === 21) sent.resolve();
    },
    onRollback: () => undefined,
    onError: () => undefined,
  });
  pump.release();
  await sent.promise;
  assertEquals(pump.sent, 21);
  pump.end();
});
