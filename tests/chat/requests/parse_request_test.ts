import { Buffer } from "node:buffer";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { frequentRequest } from "../../../src/chat/requests/frequent_request.ts";
import { parseRequest } from "../../../src/chat/requests/parse_request.ts";
import { checkRequest } from "../../../src/chat/requests/request_schemas.ts";
import { jsonOf } from "../../../src/chat/requests/signal_data.ts";
import { anyCharacter } from "../../arbitrary_text.ts";
import { test } from "../../testing.ts";

function parse(frame: string | object): ReturnType<typeof parseRequest> {
  return parseRequest(Buffer.from(typeof frame === "string" ? frame : JSON.stringify(frame)));
}

/** The words of the error that a frame gets. */
function wordsFor(frame: string | object): string {
  const parsed = parse(frame);
  assert("error" in parsed, `${JSON.stringify(frame).slice(0, 100)} was taken`);
  assertEquals(parsed.error.code, "bad_frame");
  return parsed.error.message;
}

const GOOD: readonly object[] = [
  { type: "password", id: "1", old: "a", new: "b" },
  { type: "signal", to: "bob", data: { x: [1, "two", null] } },
  { type: "signal", id: "1", to: "#g", data: false },
  { type: "read", conversation: "ada:bob", seq: 0 },
  { type: "conversation.list", after: "ada:bob", limit: 200 },
  { type: "conversation.list", after: null, limit: null },
  { type: "friend.request", name: "bob" },
  { type: "friend.accept", name: "bob" },
  { type: "friend.remove", name: "bob" },
  { type: "friend.block", name: "bob" },
  { type: "friend.unblock", name: "bob" },
  { type: "friend.list" },
  { type: "group.create", group: "#g" },
  { type: "group.create", group: "#g", mode: "open" },
  { type: "group.create", group: "#g", mode: null },
  { type: "group.invite", group: "#g", name: "bob" },
  { type: "group.join", group: "#g" },
  { type: "group.leave", group: "#g" },
  { type: "group.remove", group: "#g", name: "bob" },
  { type: "group.delete", group: "#g" },
  { type: "group.list", after: "#f", limit: 1 },
  { type: "group.list", after: null, limit: null },
  { type: "group.members", group: "#g", after: "bob", limit: 200 },
];

test("every request about friends, groups, signals and receipts is understood as it was written", () => {
  for (const frame of GOOD) {
    const parsed = parse({ ...frame, unknown: 1 });
    assert("request" in parsed, JSON.stringify(parsed));
    const expected = Object.entries(frame);
    assertEquals(
      Object.entries(parsed.request).filter(([, value]) => value !== undefined),
      expected.filter(([, value]) => value !== undefined),
    );
  }
});

const BAD: readonly (readonly [object, string])[] = [
  [{ type: "password", old: "", new: "b" }, "old must have 1 to 1024 characters"],
  [{ type: "password", old: "a" }, "new is missing"],
  [{ type: "signal", to: "bob" }, "data is missing"],
  [{ type: "signal", to: "bob", data: null }, "data must not be null"],
  [{ type: "signal", to: 1, data: 1 }, "to must be of type string, received 1"],
  [{ type: "read", conversation: "ada:bob", seq: -1 }, "seq must not be negative"],
  [{ type: "friend.request" }, "name is missing"],
  [{ type: "friend.request", name: 7 }, "name must be of type string"],
  [{ type: "friend.nonsense", name: "bob" }, "type must be one of register, login"],
  [{ type: "group.create", group: "#g", mode: "secret" }, "mode must be open or invite"],
  [{ type: "group.invite", group: "#g" }, "name is missing"],
  [{ type: "group.join" }, "group is missing"],
  [{ type: "conversation.list", limit: 201 }, "limit must be 1 to 200"],
  [{ type: "group.list", limit: 0 }, "limit must be 1 to 200"],
  [{ type: "group.members", group: "#g", limit: 201 }, "limit must be 1 to 200"],
  [{ type: "group.members", group: "#g", after: 1 }, "after must be of type string"],
];

test("each wrong field of the requests about friends, groups, signals and receipts is named with what is allowed", () => {
  for (const [frame, words] of BAD) assertStringIncludes(wordsFor(frame), words);
});

test("a signal takes data of 4096 bytes as JSON, counted in UTF-8, and not one more", () => {
  const data = (bytes: number) => ({ type: "signal", to: "bob", data: `é${"x".repeat(bytes - 4)}` });
  assert("request" in parse(data(4096)));
  assertStringIncludes(wordsFor(data(4097)), "data must have at most 4096 bytes");
  // Numbers may be longer when they are written again: it is the length with which they go on that counts.
  assertStringIncludes(wordsFor(`{"type":"signal","to":"bob","data":[${"1e20,".repeat(300)}1]}`), "4096");
});

test("a signal whose data is nested 30,000 deep, or holds a lone surrogate, is a bad frame", () => {
  const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
  assertStringIncludes(wordsFor(`{"type":"signal","to":"bob","data":${deep}}`), "at most 4096 bytes");
  assertStringIncludes(wordsFor('{"type":"signal","to":"bob","data":["\\udc00"]}'), "well-formed");
  assertStringIncludes(wordsFor('{"type":"signal","to":"bob","data":{"\\\\\\ud800":1}}'), "well-formed");
  assert("request" in parse('{"type":"signal","to":"bob","data":"\\\\ud800 \\ud83d\\ude00"}'));
});

test("jsonOf() refuses a value if, and only if, it is too long or holds text that is not well-formed", () => {
  const text = fc.string({ unit: anyCharacter, maxLength: 20 });
  const unit = fc.constantFrom("\\", "\ud800", "\udfff", "d", "8", "u", '"', "\u{1f600}");
  const odd = fc.array(unit, { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(text, odd), (value) => {
      assertEquals(jsonOf({ value }), value.isWellFormed() ? JSON.stringify({ value }) : undefined);
    }),
  );
});

test("the quick way of reading frequent frames takes none that the schemas refuse, and reads it as they do", () => {
  const some = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 70 }),
    fc.integer({ min: -2 }),
    fc.double(),
    fc.constantFrom(null, undefined, "", "\ud800", "x".repeat(32_769), "é".repeat(20_000), [1], {
      a: "\udc00",
    }),
  );
  const frames = fc.record(
    {
      type: fc.constantFrom("send", "signal", "ack", "ping", "login"),
      id: some,
      to: some,
      text: some,
      round: some,
      data: some,
      inbox: some,
      epoch: some,
      stamp: some,
    },
    { requiredKeys: ["type"] },
  );
  fc.assert(
    fc.property(frames, (made) => {
      const json = JSON.stringify(made);
      const frame = JSON.parse(json) as Record<string, unknown>;
      const quick = frequentRequest(frame, json);
      if (quick) assertEquals(JSON.stringify(quick), JSON.stringify(checkRequest(frame)));
    }),
    { numRuns: 500 },
  );
});

test("plain frames of the frequent kinds take the quick way", () => {
  for (const frame of [
    { type: "send", id: "1", to: "bob", text: "hello" },
    { type: "send", id: "1", to: "bob", text: "hello", round: 7 },
    { type: "signal", to: "bob", data: 1 },
    { type: "ack", inbox: 3 },
    { type: "ack", inbox: 3, epoch: "e" },
    { type: "ack", inbox: 3, epoch: "e", stamp: 5 },
    { type: "ping", id: "1" },
  ]) {
    assertEquals(
      JSON.stringify(frequentRequest(frame, JSON.stringify(frame))),
      JSON.stringify(checkRequest(frame)),
    );
  }
});
