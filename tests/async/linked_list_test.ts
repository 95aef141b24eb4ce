import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LinkedList } from "../../src/async/mod.ts";
import { test } from "../testing.ts";

class Element {
  readonly number: number;
  before: Element | undefined;
  after: Element | undefined;
  left: Element | undefined;
  right: Element | undefined;

  constructor(number: number) {
    this.number = number;
  }
}

/** Whether an element, by its number, is put in or taken out. */
interface Step {
  readonly isAdded: boolean;
  readonly number: number;
}

const steps = fc.array(fc.record({ isAdded: fc.boolean(), number: fc.nat(12) }));

test("a linked list is what a set is, whatever is put in and taken out, also of an element that is in two", () => {
  fc.assert(
    fc.property(steps, steps, (one, other) => {
      const elements = Array.from({ length: 13 }, (_, number) => new Element(number));
      const lists = [
        new LinkedList<Element, "before", "after">("before", "after"),
        new LinkedList<Element, "left", "right">("left", "right"),
      ] as const;
      const sets = [new Set<number>(), new Set<number>()] as const;
      const take = (which: 0 | 1, { isAdded, number }: Step): void => {
        const [list, set, element] = [lists[which], sets[which], elements[number]];
        if (!element || isAdded === set.has(number)) return;
        if (isAdded) list.add(element);
        else list.delete(element);
        if (isAdded) set.add(number);
        else set.delete(number);
      };
      for (let index = 0; index < Math.max(one.length, other.length); index++) {
        const [first, second] = [one[index], other[index]];
        if (first) take(0, first);
        if (second) take(1, second);
      }
      for (const which of [0, 1] as const) {
        const numbers = Array.from(lists[which], ({ number }) => number);
        assertEquals(numbers, [...sets[which]]);
        assertEquals([lists[which].size, lists[which].first?.number], [numbers.length, numbers[0]]);
      }
    }),
  );
});

test("who goes through a linked list while elements are taken out sees those that are still in, each once", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { maxLength: 10 }), (removals) => {
      const list = new LinkedList<Element, "before", "after">("before", "after");
      const elements = Array.from({ length: 10 }, (_, number) => new Element(number));
      for (const element of elements) list.add(element);
      const inside = new Set(elements);
      const seen: Element[] = [];
      const remove = (number: number): void => {
        const removed = elements[number];
        if (removed && inside.delete(removed)) list.delete(removed);
      };
      for (const element of list) {
        assertEquals(inside.has(element), true);
        seen.push(element);
        removals[seen.length - 1]?.forEach(remove);
      }
      assertEquals(seen, [...new Set(seen)]);
      assertEquals(
        [...inside].filter((element) => !seen.includes(element)),
        [],
      );
    }),
  );
});

test("a loop through a linked list that is left early holds nothing up", () => {
  const list = new LinkedList<Element, "before", "after">("before", "after");
  const [one, other] = [new Element(1), new Element(2)];
  list.add(one);
  list.add(other);
  for (const _ of list) break;
  list.delete(other);
  list.delete(one);
  list.add(other);
  assertEquals([...list], [other]);
});
