import { assertEquals } from "@std/assert";
import { Book } from "../../src/registry/book.ts";
import { type Found, Leases } from "../../src/registry/leases.ts";
import { test } from "../testing.ts";
import { log, server } from "./log.ts";

function leases() {
  const book = new Book(undefined);
  const seen = log();
  book.watch(seen);
  return { seen, tested: new Leases(book, { leaseMs: 5000, renewMs: 1500, graceMs: 10_000 }) };
}

const s1: Found = new Map([["s1", server("s1")]]);
const nobody: Found = new Map();

test("Leases report as expired who is missing for longer than a renewal takes, and as changed who is back", () => {
  const { seen, tested } = leases();
  tested.read(s1, 0, 1);
  tested.read(nobody, 1000, 1001);
  tested.read(nobody, 2000, 2001);
  assertEquals(seen.lines, ["joined s1 weight=1"]);
  tested.read(nobody, 3000, 3001);
  tested.read(nobody, 4000, 4001);
  assertEquals(seen.lines, ["joined s1 weight=1", "left s1 expired"]);
  tested.read(s1, 5000, 5001);
  assertEquals(seen.lines.at(-1), "changed s1 weight=1");
});

test("Leases report nobody as expired who was missing for less than a renewal takes", () => {
  const { seen, tested } = leases();
  tested.read(s1, 0, 1);
  for (let now = 1000; now < 20_000; now += 1000) tested.read(now % 2000 === 0 ? s1 : nobody, now, now + 1);
  assertEquals(seen.lines, ["joined s1 weight=1"]);
});

test("Leases report nobody as expired while the registry is away and for graceMs after", () => {
  const { seen, tested } = leases();
  tested.read(s1, 0, 1);
  tested.away();
  for (let now = 100_000; now < 110_000; now += 1000) tested.read(nobody, now, now + 1);
  assertEquals(seen.lines, ["joined s1 weight=1"]);
  tested.read(nobody, 110_001, 110_002);
  assertEquals(seen.lines.at(-1), "left s1 expired");
});

test("Leases begin the grace anew when the registry goes away again within it", () => {
  const { seen, tested } = leases();
  tested.read(s1, 0, 1);
  tested.away();
  tested.read(nobody, 1000, 1001);
  tested.away();
  tested.read(nobody, 9000, 9001);
  tested.read(nobody, 18_000, 18_001);
  assertEquals(seen.lines, ["joined s1 weight=1"]);
  tested.read(nobody, 19_002, 19_003);
  assertEquals(seen.lines.at(-1), "left s1 expired");
});

test("Leases do not believe a reading that was begun before a message came", () => {
  const { seen, tested } = leases();
  tested.announced(server("s1", { weight: 2 }), 10);
  tested.read(s1, 5, 20);
  tested.read(nobody, 6, 21);
  tested.saidGoodbye("s1", 30);
  tested.read(s1, 25, 35);
  assertEquals(seen.lines, ["joined s1 weight=2", "left s1 goodbye"]);
});

test("Leases believe a server that announces itself after its goodbye, and readings once that is long ago", () => {
  const { seen, tested } = leases();
  tested.saidGoodbye("s1", 0);
  tested.announced(server("s1"), 10);
  tested.saidGoodbye("s1", 20);
  tested.read(s1, 6000, 6001);
  assertEquals(seen.lines, ["joined s1 weight=1", "left s1 goodbye", "joined s1 weight=1"]);
});

test("Leases neither tell nor expire a server whose entry cannot be read any more", () => {
  const { seen, tested } = leases();
  const unreadable: Found = new Map([
    ["s1", "unreadable"],
    ["s2", "unreadable"],
  ]);
  tested.read(s1, 0, 1);
  for (let now = 1000; now < 20_000; now += 1000) tested.read(unreadable, now, now + 1);
  assertEquals(seen.lines, ["joined s1 weight=1"]);
});

test("a goodbye that comes after a server has expired is told", () => {
  const { seen, tested } = leases();
  tested.read(s1, 0, 1);
  tested.read(nobody, 1000, 1001);
  tested.read(nobody, 3000, 3001);
  tested.saidGoodbye("s1", 4000);
  assertEquals(seen.lines.slice(1), ["left s1 expired", "left s1 goodbye"]);
});
