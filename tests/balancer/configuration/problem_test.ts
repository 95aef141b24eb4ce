import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatPath,
  formatProblem,
  nearest,
  oneOf,
  show,
} from "../../../src/balancer/configuration/problem.ts";
import { test } from "../../testing.ts";

test("formatPath() writes places in lists, and keys that are no words in quotes", () => {
  assertEquals(
    [["pools", "web-1", "backends", 1, "weight"], ["pools", "a.b", "key"], [0], [], ['a"b']].map(formatPath),
    ["pools.web-1.backends[1].weight", 'pools["a.b"].key', "[0]", "", '["a\\"b"]'],
  );
});

test("formatPath() writes different paths differently", () => {
  const path = fc.array(fc.oneof(fc.nat(3), fc.constantFrom("a", "a.b", "[0]", "", "b")), { maxLength: 4 });
  fc.assert(
    fc.property(path, path, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      assertEquals(formatPath(one) === formatPath(other), isSame);
    }),
  );
});

test("formatProblem() leaves away the place and the path where there is none", () => {
  const message = "wrong";
  assertEquals(
    [
      formatProblem({ path: "a.b", line: 2, column: 3, message }, "f"),
      formatProblem({ path: "", line: 2, column: 3, message }, "f"),
      formatProblem({ path: "a", message }, "f"),
    ],
    ["f:2:3: a.b: wrong", "f:2:3: wrong", "f: a: wrong"],
  );
});

test("nearest() finds a word after one slip of the fingers, and none that is far", () => {
  const words = ["round-robin", "weighted", "fallback", "listen"];
  const slips = ["round-robn", "weihgted", "fallbacck", "Listen", "round_robin", "wxighted"];
  assertEquals(
    slips.map((slip) => nearest(slip, words)),
    ["round-robin", "weighted", "fallback", "listen", "round-robin", "weighted"],
  );
  assertEquals(
    [nearest("frontends", words), nearest("", words), nearest("x", [])],
    [undefined, undefined, undefined],
  );
});

test("nearest() finds every word from one letter more, less or swapped", () => {
  const words = ["maxConnections", "backends", "heartbeat", "proxyProtocol", "slowStart", "connectTimeout"];
  fc.assert(
    fc.property(
      fc.constantFrom(...words),
      fc.nat(30),
      fc.constantFrom("drop", "add", "swap"),
      (word, at, slip) => {
        const place = at % (word.length - 1);
        const [one = "", other = ""] = word.slice(place, place + 2);
        const middle = { drop: other, add: `${one}q${other}`, swap: other + one }[slip];
        assertEquals(nearest(word.slice(0, place) + middle + word.slice(place + 2), words), word);
      },
    ),
  );
});

test("show() is short whatever is shown", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assert(show(value).length < 70)));
  assertEquals(
    [show("x".repeat(99)).length, show(undefined), show([]), show({}), show(null)],
    [62, "nothing", "an empty list", "an object", "null"],
  );
});

test("oneOf() lists words as a sentence does", () => {
  assertEquals(
    [oneOf([]), oneOf(["a"]), oneOf(["a", "b"]), oneOf(["a", "b", "c"])],
    ["", "a", "a or b", "a, b or c"],
  );
});
