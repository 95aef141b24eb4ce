import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { withDeadline } from "../../src/async/mod.ts";
import type { Request } from "../../src/chat/requests/request.ts";
import { type Address, systemDriver } from "../../src/net/mod.ts";
import { LineDecoder } from "../../src/wire/mod.ts";
import { DEADLINE_MS, type Frame, RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { chatServers } from "./chat_servers.ts";

/** What a server may say. */
const TYPES = [
  ...["ok", "error", "pong", "message", "gap", "resync", "lag", "signal", "presence", "friend", "group"],
  ...["receipt", "announcement", "closing"],
];

type Type = Request["type"];

/** The fields of each request. */
const FIELDS: Readonly<Record<Type, readonly string[]>> = {
  register: ["name", "password"],
  login: ["name", "password", "token", "device", "cursor"],
  logout: ["all"],
  password: ["old", "new"],
  send: ["to", "text"],
  signal: ["to", "data"],
  ack: ["inbox"],
  sync: ["inbox", "limit"],
  history: ["with", "before", "limit"],
  read: ["conversation", "seq"],
  "conversation.list": ["after", "limit"],
  "friend.request": ["name"],
  "friend.accept": ["name"],
  "friend.remove": ["name"],
  "friend.block": ["name"],
  "friend.unblock": ["name"],
  "friend.list": [],
  "group.create": ["group", "mode"],
  "group.join": ["group"],
  "group.leave": ["group"],
  "group.delete": ["group"],
  "group.invite": ["group", "name"],
  "group.remove": ["group", "name"],
  "group.list": ["after", "limit"],
  "group.members": ["group", "after", "limit"],
  ping: [],
};
const ALL_TYPES = Object.keys(FIELDS) as Type[];
/** What a server answers before a login. */
const OPEN_TYPES: readonly Type[] = ["register", "login", "ping"];

/** Right values and wrong ones, for whatever field. */
const VALUE: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom("ada", "#team", "ada:bob", "text", 0, 1, 3, 200, true, "open", "secret", ""),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Requests of some types with any values in their fields, some of them missing, and further fields. */
function requests(types: readonly Type[], more: object = {}): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .constantFrom(...types)
    .chain((type) =>
      fc
        .record(Object.fromEntries(FIELDS[type].map((field) => [field, VALUE])), { requiredKeys: [] })
        .map((fields) => ({ ...more, ...fields, type })),
    );
}

/** Lines that are frames, almost frames, or nothing of the kind. */
const LINE: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 4,
    arbitrary: requests(ALL_TYPES.filter((type) => type !== "register" && type !== "login")).map(toBytes),
  },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }).map((json) => Buffer.from(json)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("", "\r", "{", "[".repeat(5000), "x".repeat(70_000))
      .map((text) => Buffer.from(text)),
  },
);

function toBytes(frame: object): Uint8Array {
  return Buffer.from(JSON.stringify(frame));
}

function isWellFormed(frame: Frame): boolean {
  if (!TYPES.includes(frame.type)) return false;
  return frame.type !== "error" || (typeof frame.code === "string" && typeof frame.message === "string");
}

/** Writes chunks as they are, ends its side, and gives the frames of the server once the connection is over. */
async function speak(address: Address, chunks: readonly Uint8Array[]): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  const over = Promise.withResolvers<void>();
  const decoder = new LineDecoder(300_000, {
    line(line) {
      frames.push(JSON.parse(Buffer.from(line).toString()));
      return true;
    },
    tooLong: () => over.reject(new Error("the server has said too long a line")),
  });
  const connection = await systemDriver().connect(address, {
    data: (_, chunk) => decoder.push(chunk),
    end: (ended) => ended.end(),
    close: () => over.resolve(),
  });
  for (const chunk of chunks) {
    connection.write(chunk);
    await Promise.resolve();
  }
  connection.end();
  await withDeadline(over.promise, DEADLINE_MS, "see the server end its side");
  return frames;
}

/** Cuts bytes where `cuts` say. */
function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((one, other) => one - other);
  return [...ends, bytes.length].map((end, index) => bytes.slice(index === 0 ? 0 : ends[index - 1], end));
}

test("whatever bytes come in whatever chunks, a server answers with well-formed frames or closes, and goes on serving others", async () => {
  await using cluster = await chatServers(1);
  await using witness = await RawClient.login(cluster.at(0), "witness");
  const cuts = fc.array(fc.nat(), { maxLength: 8 });
  const property = fc.asyncProperty(
    fc.array(LINE, { maxLength: 12 }),
    cuts,
    fc.boolean(),
    async (lines, cuts, isWhole) => {
      const newline = Buffer.from("\n");
      const bytes = Buffer.concat(lines.flatMap((line) => [line, newline]));
      const said = isWhole ? bytes : bytes.subarray(0, -1);
      const frames = await speak(cluster.at(0), split(said, cuts));
      assertEquals(
        frames.filter((frame) => !isWellFormed(frame)),
        [],
      );
      assertEquals((await witness.ask({ type: "ping" })).type, "pong");
    },
  );
  await fc.assert(property, { numRuns: 60 });
  assertEquals(cluster.errors, []);
});

test("whatever bytes a logged-in client sends, nobody else sees anything but what it may say, and the server goes on", async () => {
  await using cluster = await chatServers(1);
  const witness = await RawClient.login(cluster.at(0), "ada");
  const token = (await RawClient.login(cluster.at(0), "eve").then(tokenOf)) ?? "";
  const login = Buffer.concat([toBytes({ type: "login", id: "in", token, device: "x" }), Buffer.from("\n")]);
  const kept = requests(
    ALL_TYPES.filter((type) => !["register", "login", "logout", "password"].includes(type)),
  );
  const line = fc.oneof(kept.map(toBytes), fc.uint8Array({ maxLength: 100 }));
  const property = fc.asyncProperty(
    fc.array(line, { maxLength: 8 }),
    fc.array(fc.nat()),
    async (lines, cuts) => {
      const newline = Buffer.from("\n");
      const bytes = Buffer.concat([login, ...lines.flatMap((one) => [one, newline])]);
      const frames = await speak(cluster.at(0), split(bytes, cuts));
      assertEquals(
        frames.filter((frame) => !isWellFormed(frame)),
        [],
      );
      assertEquals((await witness.ask({ type: "ping" })).type, "pong");
    },
  );
  await fc.assert(property, { numRuns: 40 });
  for (const frame of witness.frames) assertEquals([undefined, "ada", "eve"].includes(sayer(frame)), true);
  assertEquals(cluster.errors, []);
  await witness[Symbol.asyncDispose]();
});

test("every request before a login is not_logged_in or bad_frame under its id, and changes nothing", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ada.ask({ type: "group.create", group: "#team", mode: "open" });
  await ada.ask({ type: "send", to: "bob", text: "real" });
  await bob.hasMessages(1);
  const before = await stateOf(ada);
  const claim = { from: "ada", user: "ada", sender: "ada", by: "ada" };
  const wanted = ALL_TYPES.filter((type) => !OPEN_TYPES.includes(type));
  const property = fc.asyncProperty(
    requests(wanted, { ...claim, name: "ada", token: "ada" }),
    async (request) => {
      await using nobody = await RawClient.connect(cluster.at(0));
      const answer = await nobody.ask(request);
      assertEquals(answer.type, "error");
      assert(answer.code === "not_logged_in" || answer.code === "bad_frame", `it was ${answer.code}`);
      assertEquals(nobody.frames.length, 1);
    },
  );
  await fc.assert(property, { numRuns: 150 });
  assertEquals(await stateOf(ada), before);
  assertEquals(bob.messages.length, 1);
  assertEquals(
    bob.frames.filter(({ type }) => type === "closing"),
    [],
  );
});

test("every request with another user's name in every field that could claim identity acts as who is logged in, or is refused", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using eve = await RawClient.login(cluster.at(0), "eve");
  const before = await stateOf(bob);
  const claim = {
    from: "bob",
    user: "bob",
    sender: "bob",
    by: "bob",
    as: "bob",
    owner: "bob",
    token: "bob",
    device: "bob",
  };
  const wanted = ALL_TYPES.filter(
    (type) => !["register", "login", "logout", "password", "ack"].includes(type),
  );
  const property = fc.asyncProperty(requests(wanted, { name: "bob", ...claim }), async (request) => {
    // A name that says to whom something is done is no claim.
    const isTarget = FIELDS[request.type as Type].includes("name");
    const answer = await eve.ask(isTarget ? { ...request, name: "ada" } : request);
    assert(["ok", "error", "pong"].includes(answer.type) && isWellFormed(answer), JSON.stringify(answer));
    assert(typeof answer.id === "string");
    assert(answer.code !== "internal", JSON.stringify(request));
    // After ten bad frames in a row the connection would be closed.
    if (answer.code === "bad_frame") await eve.ask({ type: "ping" });
  });
  await fc.assert(property, { numRuns: 250 });
  await ada.ask({ type: "ping" });
  await bob.ask({ type: "ping" });
  assertEquals(
    ada.frames.map(sayer).filter((name) => name === "bob"),
    [],
  );
  assertEquals(await stateOf(bob), before);
  assertEquals(cluster.errors, []);
});

/** Who is said to have done what a frame tells. */
function sayer({ type, from, name }: Frame): string | undefined {
  if (type === "message" || type === "signal") return String(from);
  if (type === "friend" || type === "receipt" || type === "group") return String(name);
  return undefined;
}

/** What a user can find out about themselves. */
async function stateOf(client: RawClient): Promise<unknown> {
  const { friends } = await client.ask({ type: "friend.list" });
  const { groups } = await client.ask({ type: "group.list" });
  const { members } = await client.ask({ type: "group.members", group: "#team" });
  const { inbox } = await client.ask({ type: "sync", inbox: 0 });
  return { friends, groups, members, inbox };
}

/** The token of a client's login; the client is closed. */
async function tokenOf(client: RawClient): Promise<string | undefined> {
  const token = client.frames.find((frame) => frame.token !== undefined)?.token;
  await client[Symbol.asyncDispose]();
  return token === undefined ? undefined : String(token);
}
