import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Outbox, type Sent, type Unsent } from "../../../src/chat/client/outbox.ts";
import { test } from "../../testing.ts";

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
    this.flying.push(...this.outbox.depart(to, 0).sends);
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
  assertEquals(idsOf(world.outbox.depart("ada", 0).sends), []);
  world.outbox.rested("ada");
  assertEquals(idsOf(world.outbox.depart("ada", 0).sends), ["1", "3"]);
});

test("no more than 900 sends leave after one that has no answer, to whomever, and the rest once it has one", () => {
  const outbox = new Outbox();
  const stuck = sendOf(0, "ada");
  outbox.add(stuck);
  outbox.depart("ada", 0).sends;
  outbox.failed(stuck);
  let left = 0;
  for (let number = 1; number <= 2000; number++) {
    const send = sendOf(number, `r${number % 500}`);
    outbox.add(send);
    for (const departed of outbox.depart(send.to, 0).sends) {
      left += 1;
      outbox.remove(departed);
    }
  }
  assertEquals([left, outbox.takeHeld()], [900, undefined]);
  outbox.remove(stuck);
  for (let to = outbox.takeHeld(); to !== undefined; to = outbox.takeHeld()) {
    for (const departed of outbox.depart(to, 0).sends) {
      left += 1;
      outbox.remove(departed);
    }
  }
  assertEquals([left, outbox.size], [2000, 0]);
});

test("a send that has left before leaves again on the next connection, however many left after it", () => {
  const outbox = new Outbox();
  const sends = Array.from({ length: 901 }, (_, number) => sendOf(number, `r${number}`));
  for (const send of sends) {
    outbox.add(send);
    assertEquals(outbox.depart(send.to, 0).sends, [send]);
  }
  outbox.add(sendOf(901, "late"));
  assertEquals(outbox.depart("late", 0).sends, []);
  outbox.ground();
  assertEquals(
    outbox.receivers.flatMap((to) => idsOf(outbox.depart(to, 0).sends)),
    idsOf(sends),
  );
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
