import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { Unread } from "../../src/cli/client_unread.ts";
import { chatServers } from "../chat/chat_servers.ts";
import { type Frame, RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { drawn } from "./drawn_window.ts";
import type { Program } from "./program.ts";
import { acknowledged, IN_TERMINAL, NARROW, personAt, WIDE } from "./terminal_client.ts";

const PLAIN = { NO_COLOR: "1", TERM: "xterm" };

/** Waits for a prompt in the last row. */
async function prompts(program: Program, prompt: string, columns = WIDE.columns): Promise<void> {
  await program.until(prompt, () => drawn(program.stdout, columns).at(-1) === prompt || undefined);
}

/** How far a client was told that somebody has read. */
function readBy({ frames }: RawClient, name: string): Frame[] {
  return frames.filter(
    (frame) => frame.type === "receipt" && frame.name === name && frame.read !== undefined,
  );
}

/** Somebody who gets messages of two users, and what is unread told by their numbers alone. */
class Reader {
  readonly #unread = new Unread();
  /** The number of the newest message of each, and up to which it was read. */
  readonly #places = new Map([
    ["bob", { top: 0, read: 0 }],
    ["carol", { top: 0, read: 0 }],
  ]);
  #peer = "";
  #inbox = 0;

  write(name: string): void {
    const place = this.#placeOf(name);
    place.top += 1;
    this.#inbox += 1;
    const isOpen = name === this.#peer;
    assertEquals(this.#unread.arrived(name, { inbox: this.#inbox, seq: place.top }, isOpen), isOpen);
    if (isOpen) place.read = place.top;
  }

  turn(name: string): void {
    const place = this.#placeOf(name);
    this.#peer = name;
    assertEquals(this.#unread.open(name), place.top > place.read ? place.top : undefined);
    place.read = place.top;
  }

  read(name: string, back: number): void {
    const place = this.#placeOf(name);
    place.read = Math.max(place.read, place.top - back);
    this.#unread.read(name, place.read);
  }

  check(): void {
    for (const [name, { top, read }] of this.#places) assertEquals(this.#unread.of(name), top - read);
  }

  #placeOf(name: string): { top: number; read: number } {
    const place = this.#places.get(name);
    if (!place) throw new Error(`nobody is called ${name}`);
    return place;
  }
}

test("what came while one talked elsewhere is unread until one turns there or reads it on another device", () => {
  const step = fc.record({
    does: fc.constantFrom("write", "write", "turn", "read"),
    name: fc.constantFrom("bob", "carol"),
    back: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const reader = new Reader();
      for (const { does, name, back } of steps) {
        if (does === "write") reader.write(name);
        else if (does === "turn") reader.turn(name);
        else reader.read(name, back);
        reader.check();
      }
    }),
  );
});

test("what the server has counted and nobody has shown here is not read by turning there, nor by what comes after it", () => {
  const unread = new Unread();
  unread.login(new Map([["bob", 3]]), 10);
  assertEquals(unread.open("bob"), undefined);
  assertEquals(unread.arrived("bob", { inbox: 9, seq: 4 }, true), false);
  assertEquals(unread.arrived("bob", { inbox: 11, seq: 6 }, true), false);
  assertEquals([unread.of("bob"), [...unread.counts]], [4, [["bob", 4]]]);
  unread.clear("bob");
  assertEquals(unread.arrived("bob", { inbox: 12, seq: 7 }, true), true);
  assertEquals(unread.counts.size, 0);
});

test("what comes after a login and was counted by it is counted once, and is read where one talks", () => {
  const unread = new Unread();
  unread.login(
    new Map([
      ["bob", 2],
      ["carol", 1],
    ]),
    3,
  );
  assertEquals(unread.arrived("bob", { inbox: 1, seq: 1 }, true), false);
  assertEquals(unread.arrived("bob", { inbox: 2, seq: 2 }, true), true);
  assertEquals(unread.arrived("carol", { inbox: 3, seq: 1 }, false), false);
  assertEquals([...unread.counts], [["carol", 1]]);
  // Read elsewhere while there was no connection.
  unread.login(new Map(), 3);
  assertEquals(unread.counts.size, 0);
});

test("1,000 conversations are marked, those that got something last", () => {
  const unread = new Unread();
  for (let number = 1; number <= 1200; number++)
    unread.arrived(`u${number}`, { inbox: number, seq: 1 }, false);
  unread.arrived("u300", { inbox: 1201, seq: 2 }, false);
  const names = [...unread.counts.keys()];
  assertEquals([names.length, names[0], names.at(-1), unread.of("u300")], [1000, "u201", "u300", 2]);
});

test(
  "the prompt counts what comes while one talks elsewhere, and who turns there has read it",
  IN_TERMINAL,
  async () => {
    await using cluster = await chatServers(1);
    await using bob = await RawClient.login(cluster.at(0), "bob");
    await using carol = await RawClient.login(cluster.at(0), "carol");
    await using ada = personAt(cluster, "ada", { env: PLAIN, window: WIDE });
    await ada.says("ada> ");
    await bob.ask({ type: "send", to: "ada", text: "hello" });
    await prompts(ada, "ada → bob>");
    for (const text of ["one", "two"]) await carol.ask({ type: "send", to: "ada", text });
    await prompts(ada, "ada → bob (carol 2)>");
    ada.type("/unread\r");
    await ada.says("\r\u001b[Jcarol 2\r\n");
    // What was read in between would have been told before this.
    await bob.until("that its message was read", () => readBy(bob, "ada")[0]);
    assertEquals(readBy(carol, "ada"), []);
    ada.type("/to carol\r");
    await prompts(ada, "ada → carol>");
    assertEquals((await carol.until("the receipt", () => readBy(carol, "ada")[0])).read, 2);
    ada.type("/unread\r");
    await ada.says("— nothing is unread");
    ada.type("/quit\r");
    assertEquals(await ada.end(), 0);
  },
);

test("what is read on another device is not marked any more", IN_TERMINAL, async () => {
  await using cluster = await chatServers(1);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await phone.ask({ type: "friend.request", name: "bob" });
  await bob.ask({ type: "friend.accept", name: "ada" });
  await using ada = personAt(cluster, "ada", { env: PLAIN, window: NARROW });
  await ada.says("ada> ");
  ada.type("/to carol\r");
  await prompts(ada, "→ carol>", 20);
  for (const text of ["one", "two", "three"]) await bob.ask({ type: "send", to: "ada", text });
  await prompts(ada, "car… (3)>", 20);
  ada.type("/friends\r");
  await ada.says("bob friend online, 3 unread");
  await phone.ask({ type: "read", conversation: "ada:bob", seq: 2 });
  await prompts(ada, "car… (1)>", 20);
  await phone.ask({ type: "read", conversation: "ada:bob", seq: 3 });
  await prompts(ada, "→ carol>", 20);
  ada.type("/quit\r");
  assertEquals(await ada.end(), 0);
});

test(
  "what another device has got and nobody has read is told at login, and shown to who turns there",
  IN_TERMINAL,
  async () => {
    await using cluster = await chatServers(1);
    await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
    await using carol = await RawClient.login(cluster.at(0), "carol");
    for (const text of ["one", "two"]) await carol.ask({ type: "send", to: "ada", text });
    await acknowledged(phone, carol, 2);
    await using ada = personAt(cluster, "ada", { env: PLAIN, window: WIDE });
    await ada.says("— unread: carol 2\r\n");
    await prompts(ada, "ada (carol 2)>");
    await carol.ask({ type: "send", to: "ada", text: "three" });
    // Whoever writes first is whom one talks to; what was before is not read by that.
    await prompts(ada, "ada → carol (carol 3)>");
    ada.type("/to carol\r");
    await prompts(ada, "ada → carol>");
    const rows = drawn(ada.stdout, WIDE.columns).join("\n");
    assertStringIncludes(
      rows.replaceAll(/\d\d:\d\d/g, "hh:mm"),
      "hh:mm carol: one\nhh:mm carol: two\nhh:mm carol: three\n",
    );
    assertEquals((await carol.until("the receipt", () => readBy(carol, "ada")[0])).read, 3);
    ada.type("/quit\r");
    assertEquals(await ada.end(), 0);
  },
);
