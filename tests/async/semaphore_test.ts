import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Semaphore } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

/** Work that ends when told, and counts. */
function workshop() {
  const started: number[] = [];
  const ends = new Map<number, PromiseWithResolvers<number>>();
  let atOnce = 0;
  let most = 0;
  return {
    started,
    get most() {
      return most;
    },
    work(number: number): () => Promise<number> {
      return async () => {
        started.push(number);
        atOnce += 1;
        most = Math.max(most, atOnce);
        const end = Promise.withResolvers<number>();
        ends.set(number, end);
        return await end.promise.finally(() => {
          atOnce -= 1;
        });
      };
    },
    /** Ends the work that was started first and has not ended. @returns False when there is none. */
    async endOne(fails: boolean): Promise<boolean> {
      const [first] = ends;
      if (!first) return false;
      const [number, end] = first;
      ends.delete(number);
      if (fails) end.reject(new Error(`failed ${number}`));
      else end.resolve(number);
      await turns();
      return true;
    },
  };
}

/** Lets every promise that is settled be heard of. */
async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

type Step = "ask" | "end" | "fail";

/** Takes the steps, in which each `ask` is refused or not as the counts say, and ends what is left. */
async function follow(permits: number, maxWaiting: number, steps: readonly Step[]) {
  const semaphore = new Semaphore(permits, maxWaiting);
  const shop = workshop();
  const asked: Promise<unknown>[] = [];
  const taken: number[] = [];
  let inside = 0;
  for (const [number, step] of steps.entries()) {
    if (step !== "ask") {
      inside -= (await shop.endOne(step === "fail")) ? 1 : 0;
      continue;
    }
    const running = semaphore.tryRun(shop.work(number));
    assertEquals(running !== undefined, inside < permits + maxWaiting);
    if (!running) continue;
    inside += 1;
    taken.push(number);
    asked.push(running.catch(() => undefined));
  }
  while (await shop.endOne(false));
  await Promise.all(asked);
  return { taken, shop };
}

test("at most the permits work at once, first come first served, and who finds the queue full is refused", async () => {
  const steps = fc.array(fc.constantFrom<Step[]>("ask", "end", "fail"), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.nat(4),
      steps,
      async (permits, maxWaiting, chosen) => {
        const { taken, shop } = await follow(permits, maxWaiting, chosen);
        assertEquals(shop.started, taken);
        assert(shop.most <= permits, `${shop.most} at once`);
      },
    ),
    { numRuns: 60 },
  );
});

test("tryRun() gives what the work gives, and its error, and the permit comes back after either", async () => {
  const semaphore = new Semaphore(1, 0);
  assertEquals(await semaphore.tryRun(async () => 7), 7);
  const failing = async () => {
    throw new RangeError("broken");
  };
  await assertRejects(() => semaphore.tryRun(failing) ?? Promise.resolve(), RangeError, "broken");
  const throwing = (): Promise<never> => {
    throw new RangeError("at once");
  };
  await assertRejects(() => semaphore.tryRun(throwing) ?? Promise.resolve(), RangeError, "at once");
  assertEquals(await semaphore.tryRun(async () => 8), 8);
});

test("a semaphore without a permit is refused", () => {
  for (const permits of [0, -1, Number.NaN])
    assertThrows(() => new Semaphore(permits, 1), RangeError, "permits must be at least 1");
});
