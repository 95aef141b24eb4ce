import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

test("after logout nothing arrives, requests are refused, and the token is worthless", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const token = ada.frames.find((frame) => "token" in frame)?.token;
  assertEquals((await ada.ask({ type: "logout" })).type, "ok");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await bob.ask({ type: "send", to: "ada", text: "hello?" });
  assertEquals((await ada.ask({ type: "sync", inbox: 0 })).code, "not_logged_in");
  assertEquals((await ada.ask({ type: "login", token })).code, "bad_credentials");
  assertEquals(ada.messages.length, 0);
});

test("logout with all ends every login of the user and their tokens", async () => {
  await using cluster = await chatServers(2);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  const token = laptop.frames.find((frame) => "token" in frame)?.token;
  await phone.ask({ type: "logout", all: true });
  await laptop.closed;
  assertEquals((await phone.ask({ type: "login", token })).code, "bad_credentials");
});

test("a token logs in like the password that gave it", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const token = ada.frames.find((frame) => "token" in frame)?.token;
  await using again = await RawClient.connect(cluster.at(0));
  const answer = await again.ask({ type: "login", token, device: "other" });
  assertEquals([answer.user, answer.token, answer.device], ["ada", token, "other"]);
});

test("register and login refuse what they must, each with its code", async () => {
  await using cluster = await chatServers(1);
  await using client = await RawClient.connect(cluster.at(0));
  const code = async (frame: Record<string, unknown>) => (await client.ask(frame)).code;
  assertEquals((await client.ask({ type: "register", name: "Ada", password: "secret" })).user, "ada");
  assertEquals(await code({ type: "register", name: "ADA", password: "other" }), "name_taken");
  assertEquals(await code({ type: "register", name: "no spaces", password: "x" }), "bad_name");
  assertEquals(await code({ type: "register", name: "x".repeat(33), password: "x" }), "bad_name");
  assertEquals(await code({ type: "login", name: "ada", password: "wrong" }), "bad_credentials");
  assertEquals(await code({ type: "login", name: "nobody", password: "secret" }), "bad_credentials");
  assertEquals(await code({ type: "login", name: "ada" }), "bad_frame");
  assertEquals(await code({ type: "login", token: "made up" }), "bad_credentials");
  assertEquals((await client.ask({ type: "login", name: "ADA", password: "secret" })).user, "ada");
  assertEquals(await code({ type: "login", name: "ada", password: "secret" }), "forbidden");
  assertEquals(await code({ type: "send", to: "nobody", text: "x" }), "unknown_user");
  assertEquals(await code({ type: "send", to: "#group", text: "x" }), "unknown_group");
  assertEquals(await code({ type: "send", to: "no spaces", text: "x" }), "bad_name");
});

test("the sender is whoever is logged in, whatever a frame claims", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await ada.ask({
    type: "send",
    to: "bob",
    text: "x",
    from: "root",
    user: "root",
    name: "root",
    conversation: "bob:root",
  });
  const [message] = await bob.hasMessages(1);
  assertEquals([message?.from, message?.conversation], ["ada", "ada:bob"]);
});

test("a client that does not log in, or says nothing, is closed in time", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock });
  await using guest = await RawClient.connect(cluster.at(0));
  await using ada = await RawClient.login(cluster.at(0), "ada");
  clock.advance(12_000);
  assertEquals((await guest.next("closing")).reason, "idle");
  await guest.closed;
  assertEquals((await ada.ask({ type: "ping" })).type, "pong");
  clock.advance(89_000);
  assertEquals((await ada.ask({ type: "ping" })).type, "pong");
  clock.advance(92_000);
  assertEquals((await ada.next("closing")).reason, "idle");
});

test("a server that closes tells its clients, and closes those that stay at the end of the grace", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const closing = cluster.servers[0]?.close(5000);
  const frame = await ada.next("closing");
  assertEquals([frame.reason, frame.after], ["draining", 5000]);
  assertEquals((await ada.ask({ type: "send", to: "ada", text: "one more" })).type, "ok");
  clock.advance(5000);
  await ada.closed;
  await closing;
});

test("limits that are set are kept: messages, connections and new accounts", async () => {
  const limits = { messagesPerSecond: 1, connectionsPerHost: 2, registersPerMinute: 2 };
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { limits, clock });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  assertEquals((await bob.ask({ type: "register", name: "eve", password: "x" })).code, "rate_limited");
  const codes: unknown[] = [];
  for (let index = 0; index < 3; index++)
    codes.push((await ada.ask({ type: "send", to: "bob", text: "x" })).code);
  assertEquals(codes, [undefined, undefined, "rate_limited"]);
  await using third = await RawClient.connect(cluster.at(0));
  assertEquals((await third.next("error")).code, "rate_limited");
  await third.closed;
});

test("nothing that clients did was reported as a failure of the server", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  ada.write("nonsense\n");
  const error = await ada.next("error");
  assertStringIncludes(String(error.message), "JSON");
  assertMatch(String(error.code), /^bad_frame$/);
  assert(cluster.errors.length === 0, String(cluster.errors));
});

test("a trusted address may ping without a login, and hears how the server is", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, trusted: ["127.0.0.0/8"] });
  await using balancer = await RawClient.connect(cluster.at(0));
  const pong = await balancer.ask({ type: "ping" });
  assertEquals([pong.connections, pong.capacity, pong.draining], [1, 100, false]);
  clock.advance(60_000);
  assertEquals((await balancer.ask({ type: "ping" })).type, "pong");
  await balancer.ask({ type: "history", with: "x" });
  clock.advance(2000);
  assertEquals((await balancer.next("closing")).reason, "idle");
});

test("a client that is not trusted, or the fifth connection of an address that is, hears nothing of the server but its name", async () => {
  await using open = await chatServers(1);
  await using client = await RawClient.connect(open.at(0));
  assertEquals(Object.keys(await client.ask({ type: "ping" })).sort(), ["id", "server", "type"]);
  await using cluster = await chatServers(1, { trusted: ["127.0.0.1"] });
  const five = await Promise.all([1, 2, 3, 4, 5].map(() => RawClient.connect(cluster.at(0))));
  const pongs = await Promise.all(five.map((one) => one.ask({ type: "ping" })));
  assertEquals(pongs.filter((pong) => "capacity" in pong).length, 4);
  for (const one of five) await one[Symbol.asyncDispose]();
});
