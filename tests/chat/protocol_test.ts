import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { frameLine } from "../../src/chat/frame_line.ts";
import {
  errorFrame,
  inShort,
  MAX_TEXT_BYTES,
  normalizeGroup,
  normalizeName,
  ProtocolError,
  pairOf,
} from "../../src/chat/protocol.ts";
import { type Parsed, parseRequest } from "../../src/chat/requests/parse_request.ts";
import type { Request } from "../../src/chat/requests/request.ts";
import { anyCharacter } from "../arbitrary_text.ts";
import { test } from "../testing.ts";

/** The fields that a request of each type always has, with the types they then are of. */
const REQUIRED: { readonly [T in Request["type"]]: Readonly<Record<string, "string" | "number">> } = {
  register: { name: "string", password: "string" },
  login: {},
  logout: {},
  password: { old: "string", new: "string" },
  send: { id: "string", to: "string", text: "string" },
  signal: { to: "string" },
  ack: { inbox: "number" },
  read: { conversation: "string", seq: "number" },
  sync: { inbox: "number" },
  history: { with: "string" },
  "conversation.list": {},
  "friend.request": { name: "string" },
  "friend.accept": { name: "string" },
  "friend.remove": { name: "string" },
  "friend.block": { name: "string" },
  "friend.unblock": { name: "string" },
  "friend.list": {},
  "group.create": { group: "string" },
  "group.invite": { group: "string", name: "string" },
  "group.join": { group: "string" },
  "group.leave": { group: "string" },
  "group.remove": { group: "string", name: "string" },
  "group.delete": { group: "string" },
  "group.list": {},
  "group.members": { group: "string" },
  ping: {},
};
const TYPES = Object.keys(REQUIRED) as Request["type"][];
const FIELDS = [
  ...new Set(TYPES.flatMap((type) => Object.keys(REQUIRED[type]))),
  ..."token device cursor all limit before after mode data __proto__ constructor".split(" "),
];

/** As `JSON.parse` makes objects. */
const PLAIN = { noNullPrototype: true } as const;

function parse(frame: unknown): Parsed {
  return parseRequest(Buffer.from(JSON.stringify(frame)));
}

/** A request, or an error with the code and the form of answer that a client may get. */
function checkParsed(parsed: Parsed): void {
  if ("error" in parsed) {
    assertEquals(parsed.error.code, "bad_frame");
    assert(parsed.error.message.length < 500, "an error is not to repeat a long frame");
    assert(parsed.error.message.isWellFormed(), "an error is to be well-formed");
    assert(parsed.id === undefined || parsed.id.length <= 64);
    return;
  }
  const fields = parsed.request as unknown as Readonly<Record<string, unknown>>;
  assert(Object.hasOwn(REQUIRED, parsed.request.type), parsed.request.type);
  for (const [name, type] of Object.entries(REQUIRED[parsed.request.type])) {
    assert(Object.hasOwn(fields, name), `${parsed.request.type} without ${name}`);
    assertEquals(typeof fields[name], type);
  }
  const { id } = parsed.request;
  assert(id === undefined || id === null || (id.length >= 1 && id.length <= 64), `id ${id}`);
}

test("parseRequest() never throws on any bytes, and gives no request without its fields", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const values = fc.json().map((json) => Buffer.from(json));
  fc.assert(
    fc.property(fc.oneof(bytes, values), (line) => checkParsed(parseRequest(line))),
    { numRuns: 500 },
  );
});

test("parseRequest() gives no request without its fields for any values in the fields of a request", () => {
  const value = fc.oneof(
    fc.constantFrom("a", "x".repeat(64), "x".repeat(1025), "\ud800", 0, 1, -1, 1.5, 1e300, 201, true, null),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const frame = fc
    .tuple(fc.constantFrom(...TYPES), fc.dictionary(fc.constantFrom("id", ...FIELDS), value, { maxKeys: 6 }))
    .map(([type, fields]) => ({ ...fields, type }));
  fc.assert(
    fc.property(frame, (found) => checkParsed(parse(found))),
    { numRuns: 1000 },
  );
});

test("parseRequest() gives back every request that is well-formed, null for absent and without what it does not know", () => {
  const some = {
    text: fc.string({ unit: "grapheme", minLength: 1, maxLength: 64 }).filter((text) => text.length <= 64),
    count: fc.maxSafeNat(),
  };
  const requests = fc.oneof(
    fc.record({ type: fc.constant("send"), id: some.text, to: some.text, text: some.text }),
    fc.record({ type: fc.constant("ack"), inbox: some.count, epoch: fc.option(some.text) }),
    fc.record({ type: fc.constant("signal"), to: some.text, data: fc.array(some.text, { maxLength: 3 }) }),
    fc.record({ type: fc.constant("friend.request"), id: some.text, name: some.text }),
    fc.record({ type: fc.constant("group.members"), group: some.text, after: fc.option(some.text) }),
    fc.record({ type: fc.constant("register"), id: some.text, name: some.text, password: some.text }),
    fc.record({
      type: fc.constant("login"),
      token: some.text,
      device: fc.option(some.text),
      cursor: fc.option(fc.record({ epoch: some.text, inbox: some.count, stamp: some.count }, PLAIN)),
    }),
    fc.record({ type: fc.constant("history"), with: some.text, limit: fc.integer({ min: 1, max: 200 }) }),
  );
  fc.assert(
    fc.property(requests, (request) => {
      const parsed = parse({ ...request, more: { unknown: [1] } });
      assert("request" in parsed, JSON.stringify(parsed));
      const given = Object.entries(parsed.request).filter(([, value]) => value !== undefined);
      assertEquals<unknown>(Object.fromEntries(given), { ...request });
    }),
  );
});

test("parseRequest() says where it is wrong, what was found and what is allowed", () => {
  const mistakes: readonly (readonly [unknown, string])[] = [
    [[], "frame must be a JSON object, received an array"],
    [{}, "type must be a string, received nothing"],
    [{ type: "toString" }, `type must be one of ${TYPES.join(", ")}, received "toString"`],
    [{ type: "send", to: "ada", text: "x" }, "id is missing"],
    [{ type: "send", id: null, to: "ada", text: "x" }, "id is missing"],
    [{ type: "login", token: "x", cursor: { epoch: "e", inbox: null, stamp: 1 } }, "cursor.inbox is missing"],
    [{ type: "send", id: "", to: "ada", text: "x" }, 'id must have 1 to 64 characters, received ""'],
    [{ type: "send", id: "1", to: "ada", text: "" }, 'text must not be empty, received ""'],
    [{ type: "sync", inbox: 1, limit: 201 }, "limit must be 1 to 200, received 201"],
    [{ type: "ack", inbox: 1.5 }, "inbox must be a whole number, received 1.5"],
    [{ type: "ack", inbox: -1 }, "inbox must not be negative, received -1"],
    [{ type: "login", cursor: { epoch: "e", inbox: 1 } }, "cursor.stamp is missing"],
    [
      { type: "login", token: "x", cursor: { epoch: "\ud800", inbox: 1, stamp: 1 } },
      'cursor.epoch must be well-formed Unicode, received "\\ud800"',
    ],
    [{ type: "register", name: 5, password: "x" }, "name must be of type string, received 5"],
  ];
  for (const [frame, words] of mistakes) {
    const parsed = parse(frame);
    assertEquals("error" in parsed ? parsed.error.message : parsed, words);
  }
});

test("a text has at most 32 KiB, counted as UTF-8, and a frame is UTF-8 to its last byte", () => {
  const send = (text: string) => parse({ type: "send", id: "1", to: "ada", text });
  assert("request" in send("ä".repeat(MAX_TEXT_BYTES / 2)));
  assert("error" in send(`${"ä".repeat(MAX_TEXT_BYTES / 2)}a`));
  const [head, tail] = ['{"type":"ping","id":"', '"}'].map((part) => Buffer.from(part));
  assert(head && tail);
  const broken = parseRequest(Buffer.concat([head, Buffer.from([0xc3]), tail]));
  assertEquals("error" in broken ? broken.error.message : "", "frame must be UTF-8");
  const replacement = parseRequest(Buffer.concat([head, Buffer.from("\ufffd"), tail]));
  assert("request" in replacement);
});

test("an error carries the request's id where it can be read, and none that is too long or not well-formed", () => {
  const idOf = (id: unknown) => {
    const parsed = parse({ type: "nonsense", id });
    return "error" in parsed ? parsed.id : "a request";
  };
  assertEquals(["7", "x".repeat(64)].map(idOf), ["7", "x".repeat(64)]);
  assertEquals([undefined, "x".repeat(65), 7, null, "\ud800"].map(idOf), new Array(5).fill(undefined));
});

test("a name is 1 to 32 of a-z 0-9 . _ -, in lower case; every other one is bad_name", () => {
  const characters = fc.constantFrom(..."abzABZ019._- ä:#\u0130\u212a\n");
  const texts = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.array(characters, { maxLength: 36 }).map((found) => found.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const name = normalizeName(text);
        assertMatch(name, /^[a-z0-9._-]{1,32}$/);
        assertEquals([normalizeName(name), name], [name, text.toLowerCase()]);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
        assertEquals(error.code, "bad_name");
        assert(!/^[a-zA-Z0-9._-]{1,32}$/.test(text), `${text} is a name`);
      }
    }),
    { numRuns: 500 },
  );
  for (const text of ["", "x".repeat(33), "ada\n", "a da", "ada:bob", "#crew"])
    assertEquals(assertThrows(() => normalizeName(text), ProtocolError).code, "bad_name");
});

test("two users have one conversation, whoever begins, and no two pairs share one", () => {
  const names = fc.stringMatching(/^[a-z0-9._-]{1,32}$/);
  fc.assert(
    fc.property(names, names, names, names, (a, b, c, d) => {
      assertEquals(pairOf(a, b), pairOf(b, a));
      const isSame = [a, b].sort().join(" ") === [c, d].sort().join(" ");
      assertEquals(pairOf(a, b) === pairOf(c, d), isSame);
    }),
  );
});

test("a frame is one line of JSON, whatever is in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), fc.jsonValue(), (id, more) => {
      const line = frameLine({ type: "ok", id, more });
      assertEquals(line.indexOf("\n"), line.length - 1);
      assertEquals<unknown>(JSON.parse(line), JSON.parse(JSON.stringify({ type: "ok", id, more })));
    }),
  );
});

test("an error that is not the protocol's tells a client nothing of what failed", () => {
  assertEquals(errorFrame("1", new ProtocolError("rate_limited", "slow down", { retryMs: 5 })), {
    type: "error",
    id: "1",
    code: "rate_limited",
    message: "slow down",
    retry: 5,
    attempt: undefined,
  });
  const secret = JSON.stringify(errorFrame("1", new Error("SELECT secret FROM 10.0.0.1")));
  assert(!secret.includes("secret") && secret.includes('"internal"'), secret);
});

test("inShort() is short and well-formed for every value", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: anyCharacter, maxLength: 100 }), fc.jsonValue()), (value) => {
      const words = inShort(value);
      assert(words.length <= 300 && words.isWellFormed(), words);
    }),
  );
  assertEquals(
    [inShort(undefined), inShort({}), inShort([1]), inShort(5)],
    ["nothing", "an object", "an array", "5"],
  );
});

test("a letter that only lower case makes one of a to z is not part of a name", () => {
  const kelvin = "\u212Aelvin1";
  assertEquals(kelvin.toLowerCase(), "kelvin1");
  for (const work of [() => normalizeName(kelvin), () => normalizeGroup(`#${kelvin}`)])
    assertEquals(assertThrows(work, ProtocolError).code, "bad_name");
  assertEquals([normalizeName("Kelvin1"), normalizeGroup("#Kelvin1")], ["kelvin1", "#kelvin1"]);
});
