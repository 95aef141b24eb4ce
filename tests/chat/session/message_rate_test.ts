import { assertEquals, assertThrows } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { ProtocolError } from "../../../src/chat/protocol.ts";
import { MessageRate } from "../../../src/chat/session/message_rate.ts";
import { test } from "../../testing.ts";

function refusal(rate: MessageRate): readonly [string, number | undefined] {
  const error = assertThrows(() => rate.take(), ProtocolError);
  return [error.code, error.retryMs];
}

test("twice the rate comes at once, then messages are refused for half a second at least, then they come again", () => {
  const clock = new ManualClock();
  const rate = new MessageRate(10, clock);
  for (let count = 0; count < 20; count++) rate.take();
  assertEquals(refusal(rate), ["rate_limited", 500]);
  clock.advance(300);
  assertEquals(refusal(rate), ["rate_limited", 200]);
  clock.advance(200);
  for (let count = 0; count < 5; count++) rate.take();
  assertEquals(refusal(rate)[0], "rate_limited");
});

test("of a client that names its rounds, what belongs to a refused one is refused however late it comes, and nothing else", () => {
  const clock = new ManualClock();
  const rate = new MessageRate(undefined, clock);
  rate.take(3);
  rate.failed(3);
  rate.take(4);
  clock.advance(60_000);
  const late = assertThrows(() => rate.take(3), ProtocolError);
  assertEquals([late.code, late.retryMs], ["unavailable", 1]);
  rate.take(4);
});

test("a round that is over its rate is refused until a later one finds a token", () => {
  const clock = new ManualClock();
  const rate = new MessageRate(1, clock);
  rate.take(0);
  rate.take(0);
  assertEquals(assertThrows(() => rate.take(0), ProtocolError).retryMs, 1000);
  clock.advance(5000);
  assertEquals(assertThrows(() => rate.take(0), ProtocolError).code, "rate_limited");
  rate.take(1);
});

test("after a message that could not be stored those behind it are unavailable for a moment, without any limit, too", () => {
  const clock = new ManualClock();
  const rate = new MessageRate(undefined, clock);
  rate.take();
  rate.failed();
  assertEquals(refusal(rate), ["unavailable", 500]);
  clock.advance(500);
  rate.take();
});
