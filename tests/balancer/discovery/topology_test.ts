import { assertEquals } from "@std/assert";
import { addressFor, Topology } from "../../../src/balancer/discovery/topology.ts";
import type { Announcement } from "../../../src/registry/mod.ts";
import { server } from "../../registry/log.ts";
import { test } from "../../testing.ts";

/** Balancers by lines such as `b in outer serves inner via c d`. */
function topology(...lines: readonly string[]): Topology {
  const found = new Topology();
  for (const line of lines) found.see(balancer(line));
  return found;
}

function balancer(line: string): Announcement {
  const [node = "", , pool = "", , serves = "", , ...behind] = line.split(" ");
  return server(`${node}-1`, { pool, serves: [serves], via: [node, ...behind] });
}

test("addressFor() gives the address for the announcement's own pool, and the web side for the pool web", () => {
  const chat = server("s", { tcp: "a:1", web: "a:2" });
  assertEquals(
    [addressFor(chat, "chat"), addressFor(chat, "web"), addressFor(chat, "x")],
    ["a:1", "a:2", undefined],
  );
  const inner = server("b", { tcp: "b:1", pool: "inner", web: "b:2" });
  assertEquals([addressFor(inner, "inner"), addressFor(inner, "web")], ["b:1", undefined]);
});

test("a topology tells every node behind pools once, and forgets who leaves", () => {
  const found = topology("b in p serves q via d", "c in p serves q via d", "d in q serves chat via");
  assertEquals(found.behind(["p"]), ["b", "d", "c"]);
  assertEquals(found.behind(["p", "q"]), ["b", "d", "c"]);
  found.leave("b-1");
  assertEquals([found.behind(["p"]), found.behind([])], [["c", "d"], []]);
});

test("a topology shows the way to a node through each balancer between, and not those beside it", () => {
  const b = balancer("b in p serves q via c x d a");
  const found = topology(
    "c in q serves r via d a",
    "x in q serves s via",
    "d in r serves t via a",
    "b in p serves q via c x d a",
  );
  assertEquals(found.pathFrom(b, "a"), ["b", "c", "d", "a"]);
  assertEquals(found.pathFrom(b, "b"), ["b"]);
  assertEquals(topology().pathFrom(b, "a"), ["b", "a"]);
});

test("a topology finds the way on which a balancer would send clients back to itself, and none where there is none", () => {
  const chain = topology("b in p serves q via c", "c in q serves r via");
  assertEquals(chain.findLoop("a", ["p"], "outer"), undefined);
  assertEquals(chain.findLoop("a", ["p"], "p"), ["a", "a"]);
  assertEquals(chain.findLoop("a", ["p"], "q"), ["a", "b", "a"]);
  assertEquals(chain.findLoop("a", ["p"], "r"), ["a", "b", "c", "a"]);
  assertEquals(chain.findLoop("a", ["q"], "p"), undefined);
  const loop = topology("b in p serves q via c a", "c in q serves r via a");
  assertEquals(loop.findLoop("a", ["p"], "outer"), ["a", "b", "c", "a"]);
});

test("a topology does not take what a balancer left behind at its last start for a loop", () => {
  const left = topology("a in p serves chat via");
  assertEquals(left.findLoop("a", ["p"], "outer"), undefined);
});

test("a topology comes to an end where others already go in a circle", () => {
  const circle = topology("b in p serves q via c", "c in q serves p via b");
  assertEquals(circle.findLoop("a", ["p"], "outer"), undefined);
  assertEquals(circle.pathFrom(balancer("b in p serves q via c a b"), "a"), ["b", "a"]);
});
