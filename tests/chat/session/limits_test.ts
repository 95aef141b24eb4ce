import { connect, type Socket } from "node:net";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../../src/async/mod.ts";
import { DEFAULT_LIMITS } from "../../../src/chat/mod.ts";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

test("by default an address makes five accounts a minute, and the sixth is rate_limited until there is room for one more", async () => {
  const { registersPerMinute } = DEFAULT_LIMITS;
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, limits: { registersPerMinute } });
  await using client = await RawClient.connect(cluster.at(0));
  const register = (index: number) => client.ask({ type: "register", name: `user${index}`, password: "x" });
  for (let index = 0; index < 5; index++) {
    assertEquals((await register(index)).type, "ok");
    // That makes no account.
    assertEquals((await register(0)).code, "name_taken");
  }
  const refused = await register(5);
  assertEquals([refused.code, refused.retry], ["rate_limited", 12_000]);
  clock.advance(11_999);
  await using later = await RawClient.connect(cluster.at(0));
  assertEquals((await later.ask({ type: "register", name: "user5", password: "x" })).retry, 1);
  clock.advance(1);
  assertEquals((await later.ask({ type: "register", name: "user5", password: "x" })).type, "ok");
});

test("by default a session sends 40 messages at once, the next is rate_limited with a time to wait, and is taken after it", async () => {
  const { messagesPerSecond } = DEFAULT_LIMITS;
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, limits: { messagesPerSecond } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const send = (index: number) => ada.ask({ type: "send", id: `${index}`, to: "ada", text: "x" });
  const answers = await Promise.all(Array.from({ length: 42 }, (_, index) => send(index)));
  assertEquals(
    answers.map(({ code }) => code).filter((code) => code !== undefined),
    ["rate_limited", "rate_limited"],
  );
  const { retry } = await send(42);
  assert(typeof retry === "number" && retry > 0, String(retry));
  clock.advance(retry);
  assertEquals((await send(43)).type, "ok");
});

test("what is of the round of a refused send is refused as well, a minute later, too, and what is of the next one is taken", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, limits: { messagesPerSecond: 1 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const send = async (id: string, round: number): Promise<unknown> => {
    const { type, code } = await ada.ask({ type: "send", id, to: "ada", text: id, round });
    return code ?? type;
  };
  const answers = [await send("1", 0), await send("2", 0), await send("3", 0)];
  assertEquals(answers, ["ok", "ok", "rate_limited"]);
  clock.advance(60_000);
  assertEquals(await send("4", 0), "rate_limited");
  assertEquals([await send("3", 1), await send("4", 1)], ["ok", "ok"]);
});

test("one connection more than an address may have is rate_limited and closed, and when one has gone there is room again", async () => {
  await using cluster = await chatServers(1, { limits: { connectionsPerHost: 2 } });
  const first = await RawClient.connect(cluster.at(0));
  await using second = await RawClient.connect(cluster.at(0));
  assertEquals((await second.ask({ type: "ping" })).type, "pong");
  await using third = await RawClient.connect(cluster.at(0));
  const refused = await third.next("error");
  assertEquals([refused.code, refused.retry], ["rate_limited", 10_000]);
  await third.closed;
  await first[Symbol.asyncDispose]();
  while ((cluster.servers[0]?.connections ?? 0) > 1) await new Promise((resolve) => setImmediate(resolve));
  await using fourth = await RawClient.connect(cluster.at(0));
  assertEquals((await fourth.ask({ type: "ping" })).type, "pong");
});

test("refused connections that their clients keep open are no connections of the server, and it cuts those beyond 256", async () => {
  await using cluster = await chatServers(1, { limits: { connectionsPerHost: 1 } });
  const { address } = cluster.servers[0] ?? {};
  assert(address && "port" in address);
  await using first = await RawClient.connect(address);
  assertEquals((await first.ask({ type: "ping" })).type, "pong");
  const { host, port } = address;
  const sockets: Socket[] = [];
  const keep = (): Promise<unknown> => {
    const socket = connect({ host, port, allowHalfOpen: true });
    sockets.push(socket);
    // It hears that it is refused, or that it was cut: by an end where the runtime cannot reset.
    return new Promise((resolve) => {
      for (const event of ["data", "end", "close", "error"]) socket.on(event, resolve);
    });
  };
  try {
    const heard = await Promise.all(Array.from({ length: 256 }, keep));
    assert(heard.every((chunk) => String(chunk).includes("rate_limited")));
    assertEquals(cluster.servers[0]?.connections, 1);
    assert(!String(await keep()).includes("rate_limited"));
    assertEquals(cluster.servers[0]?.connections, 1);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test("what clients were refused is counted by its code", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await ada.ask({ type: "send", to: "nobody", text: "x" });
  await ada.ask({ type: "send", to: "ada", text: "x" });
  await ada.hasMessages(1);
  const { logins, received, delivered, refused } = cluster.servers[0]?.counters ?? {};
  assertEquals([logins, received, delivered, refused?.get("unknown_user")], [1, 1, 1, 1]);
});

test("a name whose password was guessed wrong is answered later and later, and its owner still gets in", async () => {
  await using cluster = await chatServers(2, { limits: { loginFailures: 1 } });
  await using client = await RawClient.connect(cluster.at(0));
  await client.ask({ type: "register", name: "ada", password: "secret" });
  const tries: number[] = [];
  for (let index = 0; index < 3; index++) {
    const before = performance.now();
    const { code } = await client.ask({ type: "login", name: "ada", password: `guess ${index}` });
    assertEquals(code, "bad_credentials");
    tries.push(performance.now() - before);
  }
  // The first is free, then 100 and 200 ms.
  assert((tries[1] ?? 0) >= 99 && (tries[2] ?? 0) >= 199, String(tries));
  await using owner = await RawClient.connect(cluster.at(1));
  const before = performance.now();
  assertEquals((await owner.ask({ type: "login", name: "ada", password: "secret" })).user, "ada");
  assert(performance.now() - before >= 399, "failures were to count on all servers");
});

test("an address that has guessed wrong too often gets rate_limited for passwords, and no token is slowed", async () => {
  const clock = new ManualClock();
  await using cluster = await chatServers(1, { clock, limits: { loginFailures: 1 } });
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const token = ada.frames.find((frame) => "token" in frame)?.token;
  await using client = await RawClient.connect(cluster.at(0));
  const guess = (name: string) => client.ask({ type: "login", name, password: "guess" });
  for (const name of ["u1", "u2", "u3", "u4"]) assertEquals((await guess(name)).code, "bad_credentials");
  // One more try is due at once, the next one after a while.
  assertEquals((await guess("u5")).code, "bad_credentials");
  const refused = await guess("u6");
  assertEquals(refused.code, "rate_limited");
  assertEquals(refused.retry, 100);
  clock.advance(100);
  assertEquals((await guess("u6")).code, "bad_credentials");
  assertEquals((await guess("u7")).retry, 200);
  assertEquals((await client.ask({ type: "login", token, device: "other" })).user, "ada");
});
