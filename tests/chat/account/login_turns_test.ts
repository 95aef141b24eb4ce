import { assertEquals, assertRejects } from "@std/assert";
import { LoginTurns } from "../../../src/chat/account/login_turns.ts";
import { test } from "../../testing.ts";

test("logins are worked on so many at a time, in the order in which they came, whatever becomes of those before", async () => {
  const turns = new LoginTurns(2);
  const order: number[] = [];
  let atOnce = 0;
  let most = 0;
  const work = (index: number) =>
    turns.run(async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      order.push(index);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      if (index === 1) throw new RangeError("failed");
      return index;
    });
  const failing = assertRejects(() => work(1), RangeError);
  const others = [2, 3, 4, 5, 6].map(work);
  assertEquals(await Promise.all(others), [2, 3, 4, 5, 6]);
  await failing;
  assertEquals([order, most], [[1, 2, 3, 4, 5, 6], 2]);
});
