import { assert, assertEquals } from "@std/assert";
import {
  changeOf,
  MAX_OVERRIDES,
  NO_OVERRIDES,
  type Overrides,
  override,
  type RuntimeChange,
  reconcile,
} from "../../../src/balancer/configuration/overrides.ts";
import { decodeOverrides } from "../../../src/balancer/configuration/overrides_text.ts";
import { test } from "../../testing.ts";
import { backend, changed, configured, running } from "./changes.ts";

test("a pool without changes runs with what the configuration names", () => {
  const configuration = configured("a:1", "b:1,weight=2,max=5,backup");
  assertEquals(running(configuration, NO_OVERRIDES), [
    "a:1 1/Infinity enabled config",
    "b:1 2/5 backup enabled config",
  ]);
});

test("what is added, removed and changed at run time is what a pool runs with", () => {
  const configuration = configured("a:1", "b:1", "c:1");
  const overrides = changed(
    configuration,
    { kind: "add", backend: backend("d:1,weight=3") },
    { kind: "remove", backend: "b:1" },
    { kind: "change", backend: "c:1", weight: 7, maxConnections: 9, admin: "draining" },
    { kind: "change", backend: "d:1", admin: "disabled" },
  );
  assertEquals(running(configuration, overrides), [
    "a:1 1/Infinity enabled config",
    "c:1 7/9 draining config",
    "d:1 3/Infinity disabled admin",
  ]);
});

test("undoing every change leaves nothing", () => {
  const configuration = configured("a:1,weight=2,max=5");
  const overrides = changed(
    configuration,
    { kind: "change", backend: "a:1", weight: 3, admin: "disabled", maxConnections: "none" },
    { kind: "add", backend: backend("b:1") },
    { kind: "remove", backend: "b:1" },
    { kind: "change", backend: "a:1", weight: 2, admin: "enabled", maxConnections: 5 },
    { kind: "remove", backend: "a:1" },
    { kind: "add", backend: backend("a:1,weight=2,max=5") },
  );
  assertEquals(overrides, NO_OVERRIDES);
});

test("changing the properties of a backend back leaves nothing", () => {
  const configuration = configured("a:1,weight=2,max=5");
  const overrides = changed(
    configuration,
    { kind: "change", backend: "a:1", weight: 3, admin: "disabled", maxConnections: "none" },
    { kind: "change", backend: "a:1", weight: 2 },
    { kind: "change", backend: "a:1", admin: "enabled", maxConnections: 5 },
  );
  assertEquals(overrides, NO_OVERRIDES);
});

test("a backend that was removed and added with other properties runs with those, as the operator's", () => {
  const configuration = configured("a:1");
  const overrides = changed(
    configuration,
    { kind: "remove", backend: "a:1" },
    { kind: "add", backend: backend("a:1,weight=5") },
  );
  assertEquals(running(configuration, overrides), ["a:1 5/Infinity enabled admin"]);
});

test("a change of a backend that another source names is kept until the configuration names it", () => {
  const configuration = configured("a:1");
  const overrides = changed(configuration, { kind: "change", backend: "r:1", weight: 0, admin: "disabled" });
  assertEquals(changeOf(overrides, "web", "r:1"), { weight: 0, admin: "disabled" });
  assertEquals(changeOf(overrides, "web", "a:1"), undefined);
  assertEquals(reconcile(overrides, configuration), { overrides, dropped: [] });
  const { overrides: left, dropped } = reconcile(overrides, configured("a:1", "r:1"));
  assertEquals([left, dropped.map(({ part }) => part)], [NO_OVERRIDES, ["weight", "admin"]]);
});

test("the removal of a backend that only another source names is not kept", () => {
  assertEquals(changed(configured("a:1"), { kind: "remove", backend: "r:1" }), NO_OVERRIDES);
});

test("reconcile() drops what the configuration says otherwise about, and only that", () => {
  const before = configured("a:1", "b:1", "c:1", "d:1");
  const overrides = changed(
    before,
    { kind: "change", backend: "a:1", weight: 5, maxConnections: 5, admin: "draining" },
    { kind: "remove", backend: "b:1" },
    { kind: "remove", backend: "c:1" },
    { kind: "change", backend: "d:1", admin: "disabled" },
    { kind: "add", backend: backend("e:1") },
    { kind: "add", backend: backend("f:1") },
  );
  const after = configured("a:1,weight=2", "b:1,max=3", "c:1", "e:1");
  const { overrides: left, dropped } = reconcile(overrides, after);
  assertEquals(
    dropped.map(({ pool, backend: name, part }) => `${pool} ${name} ${part}`),
    ["web a:1 weight", "web b:1 presence", "web d:1 admin", "web e:1 presence"],
  );
  assertEquals(running(after, left), [
    "a:1 2/5 draining config",
    "b:1 1/3 enabled config",
    "e:1 1/Infinity enabled config",
    "f:1 1/Infinity enabled admin",
  ]);
});

test("reconcile() drops all changes of a pool that is gone", () => {
  const overrides = changed(
    configured("a:1"),
    { kind: "change", backend: "a:1", weight: 5 },
    { kind: "add", backend: backend("b:1") },
  );
  const { overrides: left, dropped } = reconcile(overrides, { pools: new Map() });
  assertEquals([left, dropped.map(({ part }) => part)], [NO_OVERRIDES, ["weight", "presence"]]);
});

test("override() keeps changes of no more than MAX_OVERRIDES backends", () => {
  const configuration = configured();
  const full: Overrides = new Map([
    ["web", new Map(Array.from({ length: MAX_OVERRIDES }, (_, at) => [`h:${at}`, { weight: { value: 2 } }]))],
  ]);
  const change = (name: string): RuntimeChange => ({ kind: "change", backend: name, weight: 3 });
  assertEquals(override(full, configuration, "web", change("x:1")), undefined);
  assertEquals(override(full, configuration, "web", change("h:1"))?.get("web")?.size, MAX_OVERRIDES);
});

test("decodeOverrides() refuses changes of more than MAX_OVERRIDES backends", () => {
  const entry = { pool: "p", backend: "b", weight: { value: 1 } };
  const text = (count: number): string =>
    JSON.stringify({ version: 1, overrides: Array.from({ length: count }, () => entry) });
  assertEquals(
    [typeof decodeOverrides(text(MAX_OVERRIDES)), typeof decodeOverrides(text(MAX_OVERRIDES + 1))],
    ["object", "string"],
  );
});

test("decodeOverrides() says what is wrong with a text that is none of ours", () => {
  const entry = (rest: object): string =>
    JSON.stringify({ version: 1, overrides: [{ pool: "p", backend: "b", ...rest }] });
  const wrong: readonly (readonly [string, string])[] = [
    ["", "line 1, column 1: the file ends here"],
    ["[]", ": an empty list is not an object"],
    ['{"version":2,"overrides":[]}', "version: "],
    ['{"version":1}', "overrides: the key"],
    [entry({ weight: 5 }), "overrides[0].weight: 5 is not an object"],
    [entry({ weight: { value: "5" } }), "overrides[0].weight.value: "],
    [entry({ admin: { value: "off" } }), "overrides[0].admin.value: "],
    [
      entry({ presence: { kind: "added", backend: { address: "x" } } }),
      "overrides[0].presence.backend.address: ",
    ],
    [entry({ presence: { kind: "removed" } }), "overrides[0].presence.base: "],
    [entry({ other: 1 }), "overrides[0].other: there is no such key"],
  ];
  for (const [text, sentence] of wrong) {
    const found = decodeOverrides(text);
    assert(typeof found === "string" && found.startsWith(sentence), `${text}: ${JSON.stringify(found)}`);
  }
});
