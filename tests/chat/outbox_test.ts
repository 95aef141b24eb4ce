import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Outbox, type Sent, type Unsent } from "../../src/chat/client/outbox.ts";
import { type ChatMessage, Reader } from "../../src/chat/client/reader.ts";
import { test } from "../testing.ts";

const RECEIVERS = ["ada", "bob", "#crew"];

function sendOf(number: number, to: string): Unsent {
  const settle = Promise.withResolvers<Sent>();
  return { id: String(number), to, text: "x", settle, firstMs: undefined, isFlying: false };
}

/** An outbox with all that a network may do to it, and a count of its own of what has to be inside. */
class World {
  readonly outbox = new Outbox();
  /** Sends without an answer, oldest first. */
  readonly waiting: Unsent[] = [];
  /** Those that are on their way, in the order in which they left. */
  readonly flying: Unsent[] = [];
  #last = 0;

  add(to: string): void {
    this.#last += 1;
    const send = sendOf(this.#last, to);
    this.outbox.add(send);
    this.waiting.push(send);
    this.depart(to);
  }

  depart(to: string): void {
    this.flying.push(...this.outbox.depart(to));
    const expected = this.waiting.filter((send) => send.to === to).slice(0, 64);
    const flying = this.flying.filter((send) => send.to === to);
    // Whoever flies is the oldest there are, and no younger one has left before.
    if (!expected.some((send) => !send.isFlying)) assertEquals(idsOf(flying), idsOf(expected));
  }

  /** An answer comes for the send that left `place`-th. */
  answer(place: number, isStored: boolean): void {
    const [send] = this.flying.splice(place % Math.max(1, this.flying.length), 1);
    if (!send) return;
    if (isStored) {
      this.waiting.splice(this.waiting.indexOf(send), 1);
      this.outbox.remove(send);
    } else this.outbox.failed(send);
    if (this.outbox.isGrounded(send.to)) this.outbox.rested(send.to);
    this.depart(send.to);
  }

  /** The connection is lost, and there is another one. */
  reconnect(): void {
    this.flying.splice(0);
    this.outbox.ground();
    for (const to of this.outbox.receivers) this.depart(to);
  }

  check(): void {
    assertEquals(this.outbox.size, this.waiting.length);
    assertEquals(new Set(this.outbox.receivers), new Set(this.waiting.map(({ to }) => to)));
    assertEquals(idsOf(this.waiting.filter(({ isFlying }) => isFlying)), idsOf(this.flying).sort(byNumber));
  }
}

function idsOf(sends: readonly Unsent[]): string[] {
  return sends.map(({ id }) => id);
}

function byNumber(one: string, other: string): number {
  return Number(one) - Number(other);
}

type Step = (world: World) => void;

const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...RECEIVERS).map(
      (to): Step =>
        (world) =>
          world.add(to),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.nat(200).map(
      (place): Step =>
        (world) =>
          world.answer(place, true),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(200).map(
      (place): Step =>
        (world) =>
          world.answer(place, false),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.reconnect()) },
);

test("an outbox loses no send and lets none overtake another to the same receiver, whatever the network does", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 120 }), (chosen) => {
      const world = new World();
      for (const step of chosen) {
        step(world);
        world.check();
      }
      // In the end everything is answered, in the order in which it was added for each receiver.
      world.reconnect();
      const order: Unsent[] = [];
      while (world.flying.length > 0) {
        const [first] = world.flying;
        if (first) order.push(first);
        world.answer(0, true);
      }
      assertEquals(world.waiting, []);
      for (const to of RECEIVERS) {
        const ids = idsOf(order.filter((send) => send.to === to));
        assertEquals(ids, [...ids].sort(byNumber));
      }
    }),
  );
});

test("at most 64 sends to one receiver are on their way, and those to others do not wait for them", () => {
  const world = new World();
  for (let index = 0; index < 100; index++) world.add("ada");
  assertEquals(world.flying.length, 64);
  world.add("bob");
  assertEquals(world.flying.length, 65);
  world.answer(0, true);
  assertEquals(world.flying.length, 65);
  assertEquals(world.flying.at(-1)?.id, "65");
});

test("after a failure nothing departs to that receiver until all that were on their way have come down", () => {
  const world = new World();
  for (let index = 0; index < 3; index++) world.add("ada");
  const [first, second, third] = world.flying;
  assert(first && second && third);
  world.outbox.failed(first);
  assert(!world.outbox.isGrounded("ada"));
  world.outbox.failed(third);
  world.outbox.remove(second);
  assert(world.outbox.isGrounded("ada"));
  assertEquals(idsOf(world.outbox.depart("ada")), []);
  world.outbox.rested("ada");
  assertEquals(idsOf(world.outbox.depart("ada")), ["1", "3"]);
});

test("clear() gives every send once, in order for each receiver, and leaves nothing", () => {
  const world = new World();
  for (let index = 0; index < 200; index++) world.add(RECEIVERS[index % 3] ?? "");
  const cleared = world.outbox.clear();
  assertEquals([cleared.length, world.outbox.size, world.outbox.receivers.length], [200, 0, 0]);
  for (const to of RECEIVERS) {
    const own = (sends: readonly Unsent[]) => idsOf(sends.filter((send) => send.to === to));
    assertEquals(own(cleared), own(world.waiting));
  }
});

/** Entry `inbox` of some inbox. */
function entry(inbox: number): ChatMessage {
  const rest = { conversation: "ada:bob", seq: inbox, id: "i", from: "ada", to: "bob", text: "x", at: 0 };
  return { inbox, stamp: inbox * 7, ...rest };
}

/** What is to become of entry `inbox` where `next` is to come. */
function verdictOf(inbox: number, next: number): "new" | "seen" | "gap" {
  if (inbox === next) return "new";
  return inbox < next ? "seen" : "gap";
}

test("a reader shows every entry once and in order, however often and in whatever order they come", () => {
  const inboxes = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.nat(5), inboxes, (from, came) => {
      const reader = new Reader({ epoch: "e", inbox: from, stamp: from * 7 });
      let next = from + 1;
      for (const inbox of came) {
        const verdict = verdictOf(inbox, next);
        assertEquals(reader.take(entry(inbox)), verdict);
        if (verdict === "new") next += 1;
        assertEquals(reader.cursor, { epoch: "e", inbox: next - 1, stamp: (next - 1) * 7 });
        assertEquals(reader.seen, next - 1);
      }
    }),
  );
});

test("a reader that does not know its place takes it from the first entry that comes", () => {
  const reader = new Reader(undefined);
  assertEquals([reader.cursor, reader.seen], [undefined, undefined]);
  assertEquals(
    [7, 6, 7, 9, 8].map((inbox) => reader.take(entry(inbox))),
    ["new", "seen", "seen", "gap", "new"],
  );
});

test("a login in the same epoch keeps the place, and one in another forgets it", () => {
  const reader = new Reader({ epoch: "e1", inbox: 5, stamp: 35 });
  reader.enter("e1");
  assertEquals(reader.cursor, { epoch: "e1", inbox: 5, stamp: 35 });
  reader.enter("e2");
  assertEquals([reader.cursor, reader.seen], [undefined, undefined]);
  assertEquals(reader.take(entry(2)), "new");
  assertEquals(reader.cursor, { epoch: "e2", inbox: 2, stamp: 14 });
});

test("after a resync the place is the server's, without a cursor until the next entry", () => {
  const reader = new Reader({ epoch: "e1", inbox: 5, stamp: 35 });
  reader.resync("e2", 2);
  assertEquals([reader.cursor, reader.seen], [undefined, 2]);
  assertEquals([reader.take(entry(2)), reader.take(entry(4)), reader.take(entry(3))], ["seen", "gap", "new"]);
  assertEquals(reader.cursor, { epoch: "e2", inbox: 3, stamp: 21 });
});
