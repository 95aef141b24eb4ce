/**
 * A doubly linked list whose links are two fields of its elements: for very many of them it takes 16 bytes each, where a `Set` takes up to
 * 120. Its name in books is an intrusive list.
 *
 * - Adding and deleting take the same time however many there are.
 * - Goes through its elements in the order in which they were added. They may be deleted meanwhile, those to come, too; whether those that
 *   are added meanwhile are seen is open.
 * - An element is in one list at most for each pair of fields. Nobody checks: to add it twice, or to delete what is not in, breaks the list.
 *
 * @example Those who wait, in their order
 * ```ts
 * import assert from "node:assert/strict";
 * import { LinkedList } from "chorus";
 *
 * class Guest {
 *   before: Guest | undefined;
 *   after: Guest | undefined;
 * }
 *
 * const waiting = new LinkedList<Guest, "before", "after">("before", "after");
 * const [ada, ben] = [new Guest(), new Guest()];
 * waiting.add(ada);
 * waiting.add(ben);
 * waiting.delete(ada);
 * assert.deepEqual([waiting.size, waiting.first], [1, ben]);
 * ```
 */
export class LinkedList<T extends { [link in A | B]: T | undefined }, B extends string, A extends string>
  implements Iterable<T>
{
  readonly #before: B;
  readonly #after: A;
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;
  /** Where each of those stands who goes through it: at the element that comes next. */
  readonly #cursors: { next: T | undefined }[] = [];

  /**
   * Makes an empty list.
   *
   * @param before The field that holds the element before.
   * @param after The field that holds the element after.
   */
  constructor(before: B, after: A) {
    this.#before = before;
    this.#after = after;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The one that was added before all others. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Puts an element behind the others. */
  add(element: T): void {
    const last = this.#last;
    this.#link(element, this.#before, last);
    if (last) this.#link(last, this.#after, element);
    else this.#first = element;
    this.#last = element;
    this.#size += 1;
  }

  /** Takes an element out. */
  delete(element: T): void {
    const before: T | undefined = element[this.#before];
    const after: T | undefined = element[this.#after];
    if (before) this.#link(before, this.#after, after);
    else this.#first = after;
    if (after) this.#link(after, this.#before, before);
    else this.#last = before;
    this.#link(element, this.#before, undefined);
    this.#link(element, this.#after, undefined);
    this.#size -= 1;
    for (const cursor of this.#cursors) if (cursor.next === element) cursor.next = after;
  }

  /** Goes through the elements, the first one first. */
  *[Symbol.iterator](): Generator<T, undefined> {
    const cursor = { next: this.#first };
    this.#cursors.push(cursor);
    try {
      while (cursor.next) {
        const element: T = cursor.next;
        cursor.next = element[this.#after];
        yield element;
      }
    } finally {
      this.#cursors.splice(this.#cursors.indexOf(cursor), 1);
    }
  }

  #link(element: T, link: A | B, to: T | undefined): void {
    (element as { [link in A | B]: T | undefined })[link] = to;
  }
}
