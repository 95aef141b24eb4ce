import { assertEquals } from "@std/assert";
import { Turns } from "../../src/server/model/turns.ts";
import { test } from "../testing.ts";

/** A guest who notes what becomes of them. */
function guest(name: string, events: string[]) {
  return { name, abort: () => void events.push(`${name} aborted`) };
}

/** Turns with two places and room for two more, for guests by name. */
function turns(events: string[], isServing = { now: true }) {
  const served = new Turns<ReturnType<typeof guest>>({
    places: 2,
    maxWaiting: 2,
    serve({ name }) {
      if (isServing.now) events.push(`${name} served`);
      return isServing.now;
    },
  });
  const come = (names: string): void => {
    for (const name of names) served.add(guest(name, events));
  };
  return { served, come };
}

test("Turns serves so many at once, lets so many wait, and aborts who comes beyond", () => {
  const events: string[] = [];
  const { served, come } = turns(events);
  come("abcde");
  assertEquals(events, ["a served", "b served", "e aborted"]);
  served.leave();
  served.leave();
  assertEquals([events.slice(3), served.taken], [["c served", "d served"], 2]);
});

test("Turns keeps who cannot be served now as the first of those that wait", () => {
  const events: string[] = [];
  const isServing = { now: false };
  const { served, come } = turns(events, isServing);
  come("abc");
  assertEquals([events, served.taken], [["c aborted"], 0]);
  isServing.now = true;
  served.advance();
  assertEquals(events.slice(1), ["a served", "b served"]);
});

test("Turns passes over a guest who has left", () => {
  const events: string[] = [];
  const { served, come } = turns(events);
  come("ab");
  const impatient = guest("c", events);
  served.add(impatient);
  come("d");
  served.forget(impatient);
  served.leave();
  assertEquals(events, ["a served", "b served", "d served"]);
});

test("Turns.close() aborts who waits and who comes, and resolves when every place is free", async () => {
  const events: string[] = [];
  const { served, come } = turns(events);
  come("abc");
  let isEmpty = false;
  const empty = served.close().then(() => {
    isEmpty = true;
  });
  come("d");
  served.leave();
  await Promise.resolve();
  assertEquals([events.slice(2), isEmpty], [["c aborted", "d aborted"], false]);
  served.leave();
  await empty;
});
