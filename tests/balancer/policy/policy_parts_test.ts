import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { hash32 } from "../../../src/balancer/policy/hash.ts";
import { type Due, Heap } from "../../../src/balancer/policy/heap.ts";
import { NumberSet } from "../../../src/balancer/policy/number_set.ts";
import { test } from "../../testing.ts";

test("hash32 gives the reference values of MurmurHash3_x86_32", () => {
  const texts = ["", "\u4321\u8765", "\uffff\uffff", "\u4321", "\u0000\u0000", "\u0000"];
  assertEquals(
    texts.map((text) => hash32(text).toString(16)),
    ["0", "f55b516b", "76293b50", "a0f7b07a", "2362f9de", "30f4c306"],
  );
  assertEquals(hash32("", 1).toString(16), "514e28b7");
});

type Step = readonly [act: "put" | "remove", which: number, due: number];

function run(heap: Heap<Due>, all: readonly Due[], [act, which, due]: Step): void {
  const one = all[which] as Due;
  if (act === "remove") {
    heap.remove(one);
    return;
  }
  one.due = due;
  if (one.place < 0) heap.add(one);
  else heap.settle(one);
}

test("Heap gives in order what is left after any additions, moves and removals", () => {
  const act = fc.constantFrom<Step[0]>("put", "put", "remove");
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.nat(19), fc.nat(20)), { maxLength: 200 }), (steps) => {
      const heap = new Heap<Due>();
      const all = Array.from({ length: 20 }, (_, order): Due => ({ due: 0, order, place: -1 }));
      for (const step of steps) run(heap, all, step);
      const left = all.filter(({ place }) => place >= 0).sort((a, b) => a.due - b.due || a.order - b.order);
      for (const expected of left) {
        assertEquals(heap.first, expected);
        heap.remove(expected);
      }
      assertEquals(heap.first, undefined);
    }),
  );
});

test("NumberSet finds the next member as a sorted list does", () => {
  const number = fc.oneof(fc.nat(100), fc.nat(100_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, fc.boolean())), fc.array(number), (changes, questions) => {
      const set = new NumberSet();
      const sorted = new Set<number>();
      for (const [one, isAdded] of changes) {
        if (isAdded) set.add(one);
        else set.delete(one);
        if (isAdded) sorted.add(one);
        else sorted.delete(one);
      }
      for (const from of [...questions, ...sorted]) {
        const next = [...sorted].filter((one) => one >= from).sort((a, b) => a - b)[0] ?? -1;
        assertEquals(set.next(from), next);
      }
    }),
  );
});
