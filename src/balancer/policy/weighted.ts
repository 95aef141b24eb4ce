import type { Candidate, Client, Policy } from "../contract.ts";
import { type Due, Heap, isBefore } from "./heap.ts";
import { shareOf } from "./share.ts";

/** The next turn of one backend. */
interface Turn<B> {
  readonly backend: B;
  readonly order: number;
  weight: number;
  /** The virtual time from which its turns count. */
  joined: number;
  /** How many turns it has taken since. */
  taken: number;
  due: number;
  /** In whose line it stands; undefined while it is not available. */
  line: Line<B> | undefined;
  before: Turn<B> | undefined;
  after: Turn<B> | undefined;
}

/**
 * All available backends of one weight, the one due first at the front; its `due` and `order` are those of the front.
 *
 * Who takes a turn is due after all others of its weight, so it goes to the end, without a search.
 */
interface Line<B> extends Due {
  readonly weight: number;
  front: Turn<B> | undefined;
  back: Turn<B> | undefined;
}

/** Turn n of a backend is due in the middle of its n-th share of the time. Not summed up, so that nothing is rounded twice. */
function dueOf({ joined, taken, weight }: Pick<Turn<unknown>, "joined" | "taken" | "weight">): number {
  return joined + (taken + 0.5) / weight;
}

function leave<B>(line: Line<B>, turn: Turn<B>): void {
  const { before, after } = turn;
  if (before) before.after = after;
  else line.front = after;
  if (after) after.before = before;
  else line.back = before;
  turn.line = undefined;
}

function join<B>(line: Line<B>, turn: Turn<B>): void {
  let before = line.back;
  while (before && isBefore(turn, before)) before = before.before;
  const after = before ? before.after : line.front;
  turn.line = line;
  turn.before = before;
  turn.after = after;
  if (before) before.after = turn;
  else line.front = turn;
  if (after) after.before = turn;
  else line.back = turn;
}

class Weighted<B extends Candidate> implements Policy<B> {
  readonly countsConnections = false;
  readonly #turns = new Map<B, Turn<B>>();
  readonly #lines = new Map<number, Line<B>>();
  readonly #heap = new Heap<Line<B>>();
  #added = 0;
  #now = 0;

  add(backend: B): void {
    const from = { joined: this.#now, taken: 0, weight: shareOf(backend) };
    const place = { line: undefined, before: undefined, after: undefined };
    const turn: Turn<B> = { ...from, ...place, backend, order: this.#added++, due: dueOf(from) };
    this.#turns.set(backend, turn);
    if (backend.available) this.#enter(turn);
  }

  remove(backend: B): void {
    const turn = this.#turns.get(backend);
    if (!turn) return;
    this.#turns.delete(backend);
    this.#exit(turn);
  }

  change(backend: B): void {
    const turn = this.#turns.get(backend);
    if (!turn) return;
    if (turn.weight !== shareOf(backend)) this.#reweigh(turn);
    if (!backend.available) this.#exit(turn);
    else if (!turn.line) {
      // Who was away for a moment only goes on with the turn that was next: coming and going gains nothing.
      if (turn.due < this.#now) this.#restart(turn, this.#now);
      this.#enter(turn);
    }
  }

  pick(_client: Client, except: ReadonlySet<B>): B | undefined {
    const passed: Turn<B>[] = [];
    let turn = this.#heap.first?.front;
    while (turn && except.has(turn.backend)) {
      this.#exit(turn);
      passed.push(turn);
      turn = this.#heap.first?.front;
    }
    if (turn?.line) this.#take(turn.line, turn);
    for (const one of passed) this.#enter(one);
    return turn?.backend;
  }

  #take(line: Line<B>, turn: Turn<B>): void {
    this.#now = Math.max(this.#now, turn.due);
    leave(line, turn);
    turn.taken += 1;
    turn.due = dueOf(turn);
    join(line, turn);
    this.#settle(line);
  }

  /** What is left until the next turn shrinks or grows with the weight. */
  #reweigh(turn: Turn<B>): void {
    const weight = shareOf(turn.backend);
    const left = Math.max(0, turn.due - this.#now) * (turn.weight / weight);
    this.#exit(turn);
    turn.weight = weight;
    this.#restart(turn, this.#now + left - 0.5 / turn.weight);
  }

  #restart(turn: Turn<B>, joined: number): void {
    turn.joined = joined;
    turn.taken = 0;
    turn.due = dueOf(turn);
  }

  #enter(turn: Turn<B>): void {
    const { weight } = turn;
    let line = this.#lines.get(weight);
    if (!line) {
      line = { weight, front: undefined, back: undefined, due: 0, order: 0, place: -1 };
      this.#lines.set(weight, line);
    }
    join(line, turn);
    this.#settle(line);
  }

  /** Does nothing when it is out. */
  #exit(turn: Turn<B>): void {
    const { line } = turn;
    if (!line) return;
    leave(line, turn);
    this.#settle(line);
  }

  #settle(line: Line<B>): void {
    const { front } = line;
    if (!front) {
      this.#heap.remove(line);
      this.#lines.delete(line.weight);
      return;
    }
    line.due = front.due;
    line.order = front.order;
    if (line.place < 0) this.#heap.add(line);
    else this.#heap.settle(line);
  }
}

/**
 * Gives each its share by weight, exactly and smoothly: with weights 5, 1, 1 every seven clients in a row are 5, 1 and 1.
 *
 * Earliest deadline first: turn n of a backend is due (n + 0.5) / weight after it joined, and the one due first is
 * picked; equal ones in the order added. Picking takes log4 of the number of different weights.
 */
export function weighted<B extends Candidate>(): Policy<B> {
  return new Weighted<B>();
}
