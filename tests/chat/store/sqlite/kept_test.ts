import { assertEquals } from "@std/assert";
import { Kept } from "../../../../src/chat/store/sqlite/kept.ts";
import { test } from "../../../testing.ts";

test("Kept gives back what was set last, and nothing that was deleted or cleared", () => {
  const kept = new Kept<{ n: number }>(10);
  assertEquals(kept.set("a", { n: 1 }), { n: 1 });
  kept.set("a", { n: 2 });
  kept.set("b", { n: 3 });
  assertEquals([kept.get("a"), kept.get("b"), kept.get("c")], [{ n: 2 }, { n: 3 }, undefined]);
  kept.delete("a");
  assertEquals([kept.get("a"), kept.get("b")], [undefined, { n: 3 }]);
  kept.clear();
  assertEquals(kept.get("b"), undefined);
});

test("Kept keeps as many entries as it may at most, those used last among them", () => {
  const kept = new Kept<{ n: number }>(100);
  for (let n = 0; n < 1000; n++) {
    kept.set(`${n}`, { n });
    kept.get("0");
  }
  assertEquals(kept.get("0"), { n: 0 }, "what is used all the time");
  const newestFirst = Array.from({ length: 999 }, (_, index) => `${999 - index}`);
  const left = newestFirst.filter((key) => kept.get(key));
  assertEquals(left.slice(0, 49), newestFirst.slice(0, 49));
  assertEquals(left.length < 100, true, `${left.length} are kept`);
});

test("Kept never gives an older value of a key again, also one that was set after the younger half was full", () => {
  const kept = new Kept<{ n: number }>(4);
  kept.set("a", { n: 1 });
  for (const key of ["b", "c", "d"]) kept.set(key, { n: 0 });
  kept.set("a", { n: 2 });
  for (const key of ["e", "f"]) kept.set(key, { n: 0 });
  const found = kept.get("a");
  assertEquals(found === undefined || found.n === 2, true);
  kept.delete("a");
  assertEquals(kept.get("a"), undefined);
});
