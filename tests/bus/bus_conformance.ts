import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bus, BusError, type BusOptions } from "../../src/bus/mod.ts";
import { test } from "../testing.ts";
import { bytes, hear, text } from "./hearing.ts";

/** Two buses that reach each other, as two servers would hold them. */
export interface BusPair extends AsyncDisposable {
  readonly a: Bus;
  readonly b: Bus;
}

/** Defines a test of a pair that is closed after it; `errors` are those that the pair reported. */
type Define = (name: string, body: (pair: BusPair, errors: Error[]) => Promise<void>) => void;

/**
 * What every kind of bus promises.
 *
 * @param open Makes a fresh pair.
 * @param gaps Why a kind cannot be held to a promise, by its name.
 */
export function testBus(
  kind: string,
  open: (options: BusOptions) => Promise<BusPair>,
  gaps: Readonly<Record<string, string>> = {},
): void {
  const promise: Define = (name, body) =>
    test(`${kind} bus ${name}`, { skip: gaps[name] }, async () => {
      const errors: Error[] = [];
      await using pair = await open({ onError: (error) => errors.push(error) });
      await body(pair, errors);
    });
  testMessages(promise);
  testHandlers(promise);
  testClosing(promise);
}

function testMessages(promise: Define): void {
  promise("carries what one publishes to the other and back, byte for byte", async ({ a, b }) => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const { promise: heard, resolve } = Promise.withResolvers<number[]>();
      await using _ = await to.subscribe("bytes", (payload) => resolve([...payload]));
      from.publish("bytes", all.subarray(3, 250));
      assertEquals(await heard, [...all.subarray(3, 250)]);
    }
  });

  promise("carries an empty payload, one of 100,000 bytes, and any name of a channel", async ({ a, b }) => {
    for (const channel of ["user:ann", "Größe 😀", "a b\r\nc", "x".repeat(500), ""]) {
      await using ear = await hear(b, channel);
      a.publish(channel, new Uint8Array());
      a.publish(channel, bytes("x".repeat(100_000)));
      assertEquals(await ear.hears(2), ["", "x".repeat(100_000)]);
    }
  });

  promise("confirms what it has taken, heard or not", async ({ a, b }) => {
    await using ear = await hear(b, "heard");
    await a.publishConfirmed("heard", bytes("1"));
    await a.publishConfirmed("unheard", bytes("2"));
    assertEquals(await ear.hears(1), ["1"]);
  });

  promise("lets a publisher that subscribes hear itself once", async ({ a }) => {
    await using ear = await hear(a, "own");
    a.publish("own", bytes("1"));
    a.publish("own", bytes("2"));
    assertEquals(await ear.hears(2), ["1", "2"]);
  });

  promise("keeps the order of 10,000 publishes of each of two publishers", async ({ a, b }) => {
    await using ear = await hear(b, "order");
    await using own = await hear(a, "order");
    const count = 10_000;
    for (let i = 0; i < count; i++) {
      a.publish("order", bytes(`a ${i}`));
      b.publish("order", bytes(`b ${i}`));
    }
    for (const heard of await Promise.all([ear.hears(2 * count), own.hears(2 * count)])) {
      for (const name of ["a", "b"]) {
        const numbers = heard.filter((item) => item.startsWith(name)).map((item) => Number(item.slice(2)));
        assertEquals(numbers.length, count);
        assert(
          numbers.every((number, index) => number === index),
          `the order of ${name} was not kept`,
        );
      }
    }
  });

  promise("keeps apart channels, and hears nothing of those it did not subscribe to", async ({ a, b }) => {
    await using one = await hear(b, "user:a");
    await using two = await hear(b, "user:ab");
    a.publish("user:", bytes("none"));
    a.publish("user:a", bytes("for a"));
    a.publish("user:ab", bytes("for ab"));
    await Promise.all([one.hears(1), two.hears(1)]);
    assertEquals([one.heard, two.heard], [["for a"], ["for ab"]]);
  });
}

function testHandlers(promise: Define): void {
  promise(
    "gives each subscription to one channel every message, and each handler its own end",
    async (pair) => {
      const { a, b } = pair;
      await using first = await hear(b, "shared");
      await using second = await hear(b, "shared");
      a.publish("shared", bytes("both"));
      await Promise.all([first.hears(1), second.hears(1)]);
      await first.subscription[Symbol.asyncDispose]();
      a.publish("shared", bytes("one"));
      assertEquals(await second.hears(2), ["both", "one"]);
      assertEquals(first.heard, ["both"]);
    },
  );

  promise("calls one function twice that was subscribed twice", async ({ a, b }) => {
    let calls = 0;
    const { promise: twice, resolve } = Promise.withResolvers<void>();
    const handler = (): void => {
      calls += 1;
      if (calls === 2) resolve();
    };
    await using _ = await b.subscribe("twice", handler);
    await using __ = await b.subscribe("twice", handler);
    a.publish("twice", bytes("x"));
    await twice;
  });

  promise("does not call a handler that another one has just disposed of", async ({ a, b }) => {
    const heard: string[] = [];
    const first = await b.subscribe("stop", () => void second[Symbol.asyncDispose]());
    const second = await b.subscribe("stop", () => heard.push("second"));
    await using last = await hear(b, "stop");
    a.publish("stop", bytes("x"));
    await last.hears(1);
    assertEquals(heard, []);
    await first[Symbol.asyncDispose]();
  });

  promise("is subscribed after a dispose and a subscribe in one tick", async ({ a, b }) => {
    const first = await hear(b, "again");
    const ending = first.subscription[Symbol.asyncDispose]();
    await using second = await hear(b, "again");
    await ending;
    a.publish("again", bytes("x"));
    assertEquals(await second.hears(1), ["x"]);
    assertEquals(first.heard, []);
  });

  promise("subscribes to one channel many times at once", async ({ a, b }) => {
    const ears = await Promise.all(Array.from({ length: 20 }, () => hear(b, "many")));
    a.publish("many", bytes("x"));
    await Promise.all(ears.map((ear) => ear.hears(1)));
    await Promise.all(ears.map((ear) => ear[Symbol.asyncDispose]()));
  });

  promise("never calls a handler within publish(), and lets a handler publish", async ({ a }) => {
    let isPublishing = false;
    const during: boolean[] = [];
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const publish = (payload: string): void => {
      isPublishing = true;
      a.publish("again", bytes(payload));
      isPublishing = false;
    };
    await using _ = await a.subscribe("again", (payload) => {
      during.push(isPublishing);
      if (text(payload) === "first") publish("second");
      else resolve();
    });
    publish("first");
    await done;
    assertEquals(during, [false, false]);
  });

  promise("reports what a handler throws, and the others still hear", async ({ a, b }, errors) => {
    await using _ = await b.subscribe("bad", () => {
      throw new Error("thrown by the handler");
    });
    await using ear = await hear(b, "bad");
    a.publish("bad", bytes("1"));
    a.publish("bad", bytes("2"));
    assertEquals(await ear.hears(2), ["1", "2"]);
    assertEquals(
      errors.map((error) => error.message),
      ["thrown by the handler", "thrown by the handler"],
    );
  });
}

function testClosing(promise: Define): void {
  promise(
    "drops publishes and rejects subscriptions once it is closed, and can be closed twice",
    async (pair) => {
      const { a, b } = pair;
      await using ear = await hear(b, "late");
      await a[Symbol.asyncDispose]();
      await a[Symbol.asyncDispose]();
      const { dropped } = a;
      a.publish("late", bytes("x"));
      assertEquals(a.dropped, dropped + 1);
      for (const late of [
        () => a.subscribe("late", () => undefined),
        () => a.publishConfirmed("late", bytes("x")),
      ])
        assertEquals((await assertRejects(late, BusError)).code, "closed");
      assertEquals(ear.heard, []);
    },
  );

  promise("sends what was published before it was closed", async ({ a, b }) => {
    await using ear = await hear(a, "farewell");
    b.publish("farewell", bytes("x"));
    await b[Symbol.asyncDispose]();
    assertEquals(await ear.hears(1), ["x"]);
  });

  promise("calls no handler after it was closed", async ({ a, b }) => {
    const ear = await hear(b, "closed");
    await using own = await hear(a, "closed");
    await b[Symbol.asyncDispose]();
    a.publish("closed", bytes("x"));
    await own.hears(1);
    assertEquals(ear.heard, []);
  });
}
