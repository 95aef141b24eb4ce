import { assert, assertEquals, assertRejects } from "@std/assert";
import { isDnsName, lookUpAddresses, lookUpServices, NetError } from "../../src/net/mod.ts";
import { RUNTIME, test } from "../testing.ts";
import { type DnsServer, dnsServer } from "./dns_server.ts";

/** What a look-up fails with. */
async function codeOf(lookUp: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => lookUp, NetError)).code;
}

test("lookUpAddresses() gives every address of its kind with its time to live, and asks each time anew", async () => {
  await using server = await dnsServer();
  const servers = [server.address];
  server.say("a.test", "A", [
    { type: "A", host: "10.0.0.1", ttl: 7 },
    { type: "A", host: "10.0.0.2", ttl: 5 },
  ]);
  server.say("a.test", "AAAA", [{ type: "AAAA", host: "fd00::1", ttl: 0 }]);
  const found = await lookUpAddresses("a.test", 4, { servers });
  assertEquals(
    found.toSorted((one, other) => one.host.localeCompare(other.host)).map(({ host }) => host),
    ["10.0.0.1", "10.0.0.2"],
  );
  assertEquals(Math.min(...found.map(({ ttlMs }) => ttlMs)), 5000);
  assertEquals(await lookUpAddresses("a.test", 6, { servers }), [{ host: "fd00::1", ttlMs: 0 }]);
  await lookUpAddresses("a.test", 4, { servers });
  assertEquals(server.asked, 3);
});

test("lookUpServices() gives every server with its port, priority and weight", async () => {
  await using server = await dnsServer();
  const services = [
    { type: "SRV", host: "one.test", port: 7001, priority: 10, weight: 0 },
    { type: "SRV", host: "two.test", port: 7002, priority: 20, weight: 65_535 },
  ] as const;
  server.say("_chat._tcp.test", "SRV", services);
  const found = await lookUpServices("_chat._tcp.test", { servers: [server.address] });
  assertEquals(
    found.toSorted((one, other) => one.priority - other.priority),
    services.map(({ type: _, ...service }) => service),
  );
});

test("an answer that does not fit into a datagram is asked for over TCP", async () => {
  await using server = await dnsServer();
  const hosts = Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`);
  server.say(
    "many.test",
    "A",
    hosts.map((host) => ({ type: "A", host, ttl: 60 })),
  );
  const found = await lookUpAddresses("many.test", 4, { servers: [server.address] });
  assertEquals([found.length, server.askedOverTcp > 0], [200, true]);
});

test("a name that is not there, or has no such address, is not_found", async () => {
  await using server = await dnsServer();
  const servers = [server.address];
  server.say("a.test", "A", [{ type: "A", host: "10.0.0.1", ttl: 7 }]);
  assertEquals(await codeOf(lookUpAddresses("none.test", 4, { servers })), "not_found");
  assertEquals(await codeOf(lookUpAddresses("a.test", 6, { servers })), "not_found");
  assertEquals(await codeOf(lookUpServices("none.test", { servers })), "not_found");
});

test("a name server that fails or refuses is unknown, and on Deno not_found", async () => {
  await using server = await dnsServer();
  const servers = [server.address];
  const expected = RUNTIME === "deno" ? "not_found" : "unknown";
  for (const answer of ["failure", "refusal"] as const) {
    server.say("a.test", "A", answer);
    assertEquals(await codeOf(lookUpAddresses("a.test", 4, { servers })), expected);
  }
});

test("a name server that says nothing is given up after timeoutMs, and the next one is asked", async () => {
  await using silent = await dnsServer();
  await using server = await dnsServer();
  silent.say("a.test", "A", "silent");
  server.say("a.test", "A", [{ type: "A", host: "10.0.0.1", ttl: 7 }]);
  const startedAt = performance.now();
  const alone = lookUpAddresses("a.test", 4, { servers: [silent.address], timeoutMs: 150 });
  assertEquals(await codeOf(alone), "timeout");
  const tookMs = performance.now() - startedAt;
  assert(tookMs >= 140 && tookMs < 900, `it took ${tookMs} ms`);
  const servers = [silent.address, server.address];
  assertEquals(await lookUpAddresses("a.test", 4, { servers, timeoutMs: 150 }), [
    { host: "10.0.0.1", ttlMs: 7000 },
  ]);
});

test("nobody at the name server's address is refused or a timeout, and the next one is asked", async () => {
  let gone: DnsServer["address"];
  {
    await using server = await dnsServer();
    gone = server.address;
  }
  const code = await codeOf(lookUpAddresses("a.test", 4, { servers: [gone], timeoutMs: 150 }));
  assert(["refused", "timeout"].includes(code), code);
  await using server = await dnsServer();
  server.say("a.test", "A", [{ type: "A", host: "10.0.0.1", ttl: 7 }]);
  const found = await lookUpAddresses("a.test", 4, { servers: [gone, server.address], timeoutMs: 150 });
  assertEquals(found.length, 1);
});

test("a look-up whose signal is aborted rejects with its reason at once, also before it began", async () => {
  await using server = await dnsServer();
  server.say("a.test", "A", "silent");
  const controller = new AbortController();
  const options = { servers: [server.address], timeoutMs: 20_000, signal: controller.signal };
  const asked = server.question("a.test", "A");
  const looking = lookUpAddresses("a.test", 4, options);
  const rejected = assertRejects(() => looking, RangeError, "enough");
  await asked;
  controller.abort(new RangeError("enough"));
  await rejected;
  await assertRejects(() => lookUpAddresses("a.test", 4, options), RangeError, "enough");
});

test("what is no name of the DNS is refused before anybody is asked", async () => {
  for (const name of [
    "",
    "10.0.0.1",
    "::1",
    "a..b",
    "a b",
    ".",
    `${"a".repeat(64)}.test`,
    "a.".repeat(128),
  ]) {
    assertEquals(isDnsName(name), false, name);
    await assertRejects(() => lookUpAddresses(name, 4), RangeError, "not a name");
  }
  for (const name of ["a", "a.test.", "_chat._tcp.example.com", "xn--bcher-kva.example"])
    assertEquals(isDnsName(name), true, name);
});
