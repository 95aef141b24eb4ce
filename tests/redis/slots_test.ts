import { assertEquals } from "@std/assert";
import { taggedName } from "../../src/redis/mod.ts";
import { readRedirect, readSlots, slotOf } from "../../src/redis/slots.ts";
import { redisCommand } from "../redis_process.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";

test("slotOf() is the slot that Redis gives a key", async () => {
  await using redis = await redisServer({ args: ["--cluster-enabled", "yes"] });
  const keys = ["", "a", "123456789", "{a}b", "x{a}", "{}a", "{", "}{", "{{a}}b", "{a", "ä{ö😀}ü", "日本"];
  for (const name of ["ann", "#group", "a:b"]) keys.push(`p:${taggedName("user", name)}`);
  for (const key of keys) {
    assertEquals(slotOf(key), await redisCommand(redis.port, "CLUSTER", "KEYSLOT", key), key);
  }
});

test("readSlots() takes the asked node's host where a node does not know its own, and refuses other answers", () => {
  const reply = [
    [0, 5, ["", 1, "id"], ["replica", 2, "id"]],
    [6, 9, ["::1", 3, "id"]],
  ];
  assertEquals(readSlots(reply, "h"), [
    { start: 0, end: 5, owner: "h:1" },
    { start: 6, end: 9, owner: "[::1]:3" },
  ]);
  for (const other of ["OK", undefined, [["0"]], [{}]]) assertEquals(readSlots(other, "h"), undefined);
});

test("readRedirect() tells moved from ask and from every other error", () => {
  assertEquals(readRedirect(new Error("MOVED 1 h:2"), "x"), { kind: "moved", address: "h:2" });
  assertEquals(readRedirect(new Error("ASK 1 :2"), "x"), { kind: "ask", address: "x:2" });
  assertEquals(readRedirect(new Error("ERR MOVED 1 h:2"), "x"), undefined);
  assertEquals(readRedirect("MOVED 1 h:2", "x"), undefined);
});
