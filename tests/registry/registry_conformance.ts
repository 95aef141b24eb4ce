import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Announcement,
  type Registry,
  RegistryError,
  type RegistryErrorReport,
} from "../../src/registry/mod.ts";
import { test } from "../testing.ts";
import { log, server } from "./log.ts";

/** Two processes' ways into one registry. */
export interface RegistryPair extends AsyncDisposable {
  readonly a: Registry;
  readonly b: Registry;
}

/** Defines a test of a pair that is closed after it; `errors` are those that the pair reported. */
type Define = (name: string, body: (pair: RegistryPair, errors: Error[]) => Promise<void>) => void;

/**
 * What every kind of registry promises.
 *
 * @param open Makes a fresh pair.
 */
export function testRegistry(
  kind: string,
  open: (onError: RegistryErrorReport) => Promise<RegistryPair>,
): void {
  const promise: Define = (name, body) =>
    test(`${kind} registry ${name}`, async () => {
      const errors: Error[] = [];
      await using pair = await open((error) => errors.push(error));
      await body(pair, errors);
    });
  testAnnouncing(promise);
  testWatching(promise);
}

function testAnnouncing(promise: Define): void {
  promise("tells a watcher who is there before watch() resolves", async ({ a, b }) => {
    await a.announce(server("s1"));
    await b.announce(server("s2", { weight: 3 }));
    const seen = log();
    await using _ = await b.watch(seen);
    assertEquals(seen.lines.toSorted(), ["joined s1 weight=1", "joined s2 weight=3"]);
  });

  promise("tells joining, changing and leaving in order", async ({ a, b }) => {
    const seen = log();
    await using _ = await b.watch(seen);
    const announced = await a.announce(server("s1"));
    await seen.told("joined s1 weight=1");
    announced.update({ weight: 2 });
    await seen.told("changed s1 weight=2");
    announced.update({ draining: true });
    await seen.told("changed s1 weight=2 draining");
    await announced[Symbol.asyncDispose]();
    await seen.told("left s1 goodbye");
    assertEquals(seen.lines, [
      "joined s1 weight=1",
      "changed s1 weight=2",
      "changed s1 weight=2 draining",
      "left s1 goodbye",
    ]);
  });

  promise("carries every field of an announcement", async ({ a, b }) => {
    const full: Announcement = {
      id: "ä 1/😀",
      startedAt: 1_700_000_000_000,
      tcp: "[::1]:7001",
      web: "10.0.0.7:7080",
      weight: 0.5,
      capacity: 0,
      draining: true,
      proxy: 2,
      pool: "edge",
      via: ["node-1", "node-2"],
      serves: ["inner"],
    };
    const { promise: joined, resolve } = Promise.withResolvers<Announcement>();
    await using _ = await b.watch({ ...log(), joined: resolve });
    await a.announce(full);
    assertEquals(await joined, full);
  });

  promise(
    "tells a change of who is behind a server, and nothing when it is the same again",
    async ({ a, b }) => {
      const changes: (readonly string[] | undefined)[] = [];
      let told = Promise.withResolvers<void>();
      const changed = ({ via }: Announcement): void => {
        changes.push(via);
        told.resolve();
      };
      await using _ = await b.watch({ ...log(), changed });
      const announced = await a.announce(server("s1", { via: ["n1"] }));
      for (const via of [["n1", "n2"], ["n1"]]) {
        told = Promise.withResolvers();
        announced.update({ via });
        announced.update({ via: [...via] });
        await told.promise;
      }
      assertEquals(changes, [["n1", "n2"], ["n1"]]);
    },
  );

  promise("ends with the last of several changes in one tick", async ({ a, b }) => {
    const seen = log();
    await using _ = await b.watch(seen);
    const announced = await a.announce(server("s1"));
    for (const weight of [2, 3, 4, 5]) announced.update({ weight });
    await seen.told("changed s1 weight=5");
    const late = log();
    await using __ = await b.watch(late);
    assertEquals(late.lines, ["joined s1 weight=5"]);
  });

  promise("holds several announcements of one process", async ({ a, b }) => {
    const seen = log();
    await using _ = await b.watch(seen);
    const ids = ["s1", "s2", "s3"];
    const [first] = await Promise.all(ids.map((id) => a.announce(server(id))));
    await Promise.all(ids.map((id) => seen.told(`joined ${id} weight=1`)));
    await first?.[Symbol.asyncDispose]();
    await seen.told("left s1 goodbye");
    assertEquals(seen.lines.length, 4);
  });
}

function testWatching(promise: Define): void {
  promise("tells a process about itself, and each of several watchers", async ({ a }) => {
    const [one, two] = [log(), log()];
    await using _ = await a.watch(one);
    await using __ = await a.watch(two);
    await a.announce(server("s1"));
    await Promise.all([one.told("joined s1 weight=1"), two.told("joined s1 weight=1")]);
  });

  promise("tells a watcher nothing after it was disposed", async ({ a, b }) => {
    const [one, two] = [log(), log()];
    const watching = await b.watch(one);
    await using _ = await b.watch(two);
    await watching[Symbol.asyncDispose]();
    await a.announce(server("s1"));
    await two.told("joined s1 weight=1");
    assertEquals(one.lines, []);
  });

  promise("can be watched again after its last watcher was disposed", async ({ a, b }) => {
    const first = await b.watch(log());
    await first[Symbol.asyncDispose]();
    const announced = await a.announce(server("s1"));
    const seen = log();
    await using _ = await b.watch(seen);
    assertEquals(seen.lines, ["joined s1 weight=1"]);
    await announced[Symbol.asyncDispose]();
    await seen.told("left s1 goodbye");
  });

  promise("lets a server that said goodbye be announced again", async ({ a, b }) => {
    const seen = log();
    await using _ = await b.watch(seen);
    const announced = await a.announce(server("s1"));
    await announced[Symbol.asyncDispose]();
    await announced[Symbol.asyncDispose]();
    await a.announce(server("s1", { weight: 2 }));
    await seen.told("joined s1 weight=2");
    announced.update({ weight: 3 });
    await announced[Symbol.asyncDispose]();
    await a.announce(server("s2"));
    await seen.told("joined s2 weight=1");
    assertEquals(seen.lines.slice(1), ["left s1 goodbye", "joined s1 weight=2", "joined s2 weight=1"]);
  });

  promise("says goodbye for all when the registry that announced them is closed", async ({ a, b }) => {
    const seen = log();
    await using _ = await b.watch(seen);
    await a.announce(server("s1"));
    await a.announce(server("s2"));
    await seen.told("joined s2 weight=1");
    await a[Symbol.asyncDispose]();
    await Promise.all([seen.told("left s1 goodbye"), seen.told("left s2 goodbye")]);
  });

  promise("refuses what is not well-formed, an id twice, and everything once it is closed", async ({ a }) => {
    await assertRejects(() => a.announce(server("s1", { tcp: "nowhere" })), TypeError, "tcp");
    await assertRejects(() => a.announce(server("s1", { via: ["a>b"] })), TypeError, "via.0");
    const many = Array.from({ length: 257 }, (_, index) => `n${index}`);
    await assertRejects(() => a.announce(server("s1", { via: many })), TypeError, "via");
    const announced = await a.announce(server("s1"));
    await assertRejects(() => a.announce(server("s1")), TypeError, '"s1"');
    assertThrows(() => announced.update({ weight: -1 }), TypeError, "weight");
    await a[Symbol.asyncDispose]();
    await a[Symbol.asyncDispose]();
    await assertRejects(() => a.announce(server("s2")), RegistryError);
    await assertRejects(() => a.watch(log()), RegistryError);
  });

  promise("reports what a watcher throws, and the others are still told", async ({ a, b }, errors) => {
    const seen = log();
    const joined = (): void => {
      throw new Error("thrown by the watcher");
    };
    await using _ = await b.watch({ ...log(), joined });
    await using __ = await b.watch(seen);
    await a.announce(server("s1"));
    await seen.told("joined s1 weight=1");
    assertEquals(
      errors.map((error) => error.message),
      ["thrown by the watcher"],
    );
  });
}
