import type { Candidate } from "../contract.ts";
import { shareOf } from "./share.ts";

/** A ticket is refused with a chance below one half; after this many in a row, any of the largest weights is taken. */
const MAX_REFUSALS = 64;

/** A backend's part in the draw. */
export interface Ticket<B> {
  readonly backend: B;
  weight: number;
  /** In which box it lies; undefined while it takes no part. */
  box: Box<B> | undefined;
  /** Where in the box. */
  place: number;
}

/** The tickets of all weights from more than half of `most` up to `most`, a power of two. */
interface Box<B> {
  readonly most: number;
  readonly tickets: Ticket<B>[];
}

/**
 * Draws available backends at random, each with a chance in proportion to its weight.
 *
 * Tickets lie in boxes by the power of two above their weight. A draw takes any ticket as if all in a box weighed the most that they
 * may, and refuses it with the chance that makes up for what it lacks: exact, and with no sums that rounding could spoil. Drawing
 * takes as many steps as there are boxes, few as a rule and some 1100 at most; every change takes one step.
 */
export class Lottery<B extends Candidate> {
  readonly #random: () => number;
  readonly #tickets = new Map<B, Ticket<B>>();
  /** The one of the largest weights first. */
  readonly #boxes: Box<B>[] = [];

  /** @param random Gives a number from 0 up to but not including 1, another one each time. */
  constructor(random: () => number) {
    this.#random = random;
  }

  add(backend: B): void {
    this.#tickets.set(backend, { backend, weight: 0, box: undefined, place: -1 });
    this.change(backend);
  }

  remove(backend: B): void {
    const ticket = this.#tickets.get(backend);
    if (ticket) this.setAside(ticket);
    this.#tickets.delete(backend);
  }

  /** Lets a backend take part by the weight that it has now, if it is available. */
  change(backend: B): void {
    const ticket = this.#tickets.get(backend);
    if (!ticket) return;
    this.setAside(ticket);
    ticket.weight = shareOf(backend);
    if (backend.available) this.putBack(ticket);
  }

  /** Undefined when nobody takes part. `except` are left out, known or not. */
  draw(except: ReadonlySet<B>): Ticket<B> | undefined {
    if (except.size === 0) return this.#draw();
    const aside: Ticket<B>[] = [];
    for (const backend of except) {
      const ticket = this.#tickets.get(backend);
      if (!ticket?.box) continue;
      this.setAside(ticket);
      aside.push(ticket);
    }
    const drawn = this.#draw();
    for (const ticket of aside) this.putBack(ticket);
    return drawn;
  }

  /** Takes a ticket out of its box until it is put back. */
  setAside(ticket: Ticket<B>): void {
    const { box, place } = ticket;
    if (!box) return;
    ticket.box = undefined;
    const last = box.tickets.pop();
    if (!last || last === ticket) return;
    box.tickets[place] = last;
    last.place = place;
  }

  /** Puts a ticket that was set aside into the box of its weight. */
  putBack(ticket: Ticket<B>): void {
    const box = this.#boxOf(ticket.weight);
    ticket.box = box;
    ticket.place = box.tickets.push(ticket) - 1;
  }

  #draw(): Ticket<B> | undefined {
    let whole = 0;
    for (const { most, tickets } of this.#boxes) whole += most * tickets.length;
    if (whole === 0) return undefined;
    for (let refusals = 0; refusals < MAX_REFUSALS; refusals++) {
      const ticket = this.#hit(this.#random() * whole);
      if (ticket) return ticket;
    }
    return this.#boxes.find(({ tickets }) => tickets.length > 0)?.tickets[0];
  }

  /** The ticket at a place in the row of all boxes; undefined when the place is in what the ticket lacks. */
  #hit(place: number): Ticket<B> | undefined {
    let rest = place;
    for (const { most, tickets } of this.#boxes) {
      const part = most * tickets.length;
      if (rest < part) {
        const index = Math.floor(rest / most);
        const ticket = tickets[index];
        return ticket && rest - index * most < ticket.weight ? ticket : undefined;
      }
      rest -= part;
    }
    return undefined;
  }

  #boxOf(weight: number): Box<B> {
    const most = 2 ** Math.ceil(Math.log2(weight));
    const at = this.#boxes.findIndex((box) => box.most <= most);
    const there = this.#boxes[at];
    if (there?.most === most) return there;
    const box: Box<B> = { most, tickets: [] };
    this.#boxes.splice(at < 0 ? this.#boxes.length : at, 0, box);
    return box;
  }
}
