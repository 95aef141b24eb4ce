import { Buffer } from "node:buffer";
import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

/** Bad frames with the words that their errors must hold: what was found or what is allowed. */
const BAD: readonly (readonly [string | Uint8Array, string])[] = [
  ["{", "JSON object on one line"],
  ["", "JSON object on one line"],
  ["[1,2]", "JSON object, received an array"],
  ["null", "JSON object, received null"],
  ["1e999", "JSON object"],
  ["{}", "type must be a string, received nothing"],
  ['{"type":"nonsense"}', "must be one of register, login"],
  ['{"type":"toString"}', "must be one of register, login"],
  ['{"type":"send","id":1,"to":"bob","text":"x"}', "id must be of type string, received 1"],
  ['{"type":"send","id":"1","to":"bob"}', "text is missing"],
  ['{"type":"send","id":"1","to":"bob","text":""}', "text must not be empty"],
  ['{"type":"send","id":"1","to":"bob","text":"\\ud800"}', "text must be well-formed Unicode"],
  [`{"type":"send","id":"${"x".repeat(65)}","to":"bob","text":"x"}`, "id must have 1 to 64 characters"],
  ['{"type":"send","to":"bob","text":"x"}', "id is missing"],
  ['{"type":"ack","inbox":"1"}', 'inbox must be of type number, received "1"'],
  ['{"type":"ack","inbox":1,"epoch":1}', "epoch must be of type string, received 1"],
  ['{"type":"ack","inbox":-1}', "inbox must not be negative, received -1"],
  ['{"type":"ack","inbox":1.5}', "inbox must be a whole number, received 1.5"],
  ['{"type":"ack","inbox":1e300}', "inbox must be a whole number"],
  ['{"type":"sync","inbox":0,"limit":201}', "limit must be 1 to 200, received 201"],
  ['{"type":"login","name":{"a":1},"password":"x"}', "name must be of type string, received an object"],
  ['{"type":"login"}', "frame must have a token, or a name and a password"],
  ['{"type":"login","name":"ada"}', "frame must have a token, or a name and a password"],
  ['{"type":"login","token":"x","cursor":{"epoch":"e"}}', "cursor.inbox is missing"],
  [`${"[".repeat(30_000)}${"]".repeat(30_000)}`, "JSON object"],
  [Uint8Array.of(0x22, 0xff, 0xfe, 0x22), "frame must be UTF-8"],
];

test("every malformed frame gets bad_frame with what was found and what is allowed, and the connection lives on", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  for (const [frame, words] of BAD) {
    client.write(Buffer.concat([Buffer.from(frame), Buffer.from("\n")]));
    const error = await client.next("error");
    assertEquals(error.code, "bad_frame");
    assertStringIncludes(String(error.message), words);
    assertEquals((await client.ask({ type: "ping" })).type, "pong");
  }
});

test("an error of a frame whose id can be read carries it", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  const error = await client.ask({ type: "send", id: "mine", to: "bob" });
  assertEquals([error.type, error.id, error.code], ["error", "mine", "bad_frame"]);
});

test("null counts as absent, and unknown fields are ignored", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada", {
    device: null,
    cursor: null,
    token: null,
    color: "blue",
  });
  assertEquals(ada.frames.at(-1)?.device, "default");
});

test("ten bad frames in a row close the connection, nine do not", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  client.write("x\n".repeat(9));
  assertEquals((await client.ask({ type: "ping" })).type, "pong");
  client.write("x\n".repeat(10));
  await client.closed;
  assertEquals(client.frames.filter(({ type }) => type === "error").length, 19);
});

test("ten logins in a row that say not who close the connection like other bad frames", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  client.write('{"type":"login"}\n'.repeat(12));
  await client.closed;
  assertEquals(
    client.frames.map(({ code }) => code),
    new Array(10).fill("bad_frame"),
  );
});

test("a frame of 64 KiB is taken, one byte more is too_large and closes the connection", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  const frame = (bytes: number): string => `{"type":"ping","pad":"${"x".repeat(bytes - 24)}"}`;
  assertEquals(frame(65_536).length, 65_536);
  client.write(`${frame(65_536)}\n`);
  assertEquals((await client.next("pong")).type, "pong");
  client.write(`${frame(65_537)}\n`);
  assertEquals((await client.next("error")).code, "too_large");
  await client.closed;
});

test("20 MB without a newline leave the memory bounded and the other clients unharmed", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const before = process.memoryUsage().rss;
  await using hostile = await RawClient.connect(cluster.at(0));
  const chunk = Buffer.alloc(1_048_576, "x");
  for (let sent = 0; sent < 20; sent++) hostile.write(chunk);
  assertEquals((await hostile.next("error")).code, "too_large");
  assertEquals((await ada.ask({ type: "send", to: "ada", text: "unharmed" })).type, "ok");
  await hostile.closed;
  const grown = process.memoryUsage().rss - before;
  // The 20 MB of this process's own client are in it.
  assert(grown < 120_000_000, `the memory has grown by ${grown} bytes`);
});

test("any bytes in any chunks never take the server down", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(chunks, async (pieces) => {
      await using client = await RawClient.connect(cluster.at(0));
      for (const piece of pieces) client.write(piece);
      assertEquals((await ada.ask({ type: "ping" })).type, "pong");
    }),
    { numRuns: 50 },
  );
  assertEquals(cluster.errors, []);
});

test("every request before a login is refused with not_logged_in and changes nothing", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using guest = await RawClient.connect(cluster.at(0));
  const requests = [
    { type: "send", to: "ada", text: "x" },
    { type: "ack", inbox: 1 },
    { type: "sync", inbox: 0 },
    { type: "history", with: "ada" },
    { type: "logout" },
  ];
  for (const request of requests) assertEquals((await guest.ask(request)).code, "not_logged_in");
  assertEquals((await ada.ask({ type: "sync", inbox: 0 })).inbox, 0);
});
