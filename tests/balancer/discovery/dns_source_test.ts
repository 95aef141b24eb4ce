import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Clock, ManualClock, type Timer, withDeadline } from "../../../src/async/mod.ts";
import { type DnsQuery, watchDnsSource } from "../../../src/balancer/discovery/dns_source.ts";
import { FIRST_READING_MS } from "../../../src/balancer/discovery/first_reading.ts";
import { Membership } from "../../../src/balancer/discovery/membership.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { DEADLINE_MS } from "../../helpers.ts";
import { type DnsRecord, dnsServer } from "../../net/dns_server.ts";
import { test } from "../../testing.ts";
import { at } from "../pool/pools.ts";

/** A clock that is moved by hand and tells when the next look-up is waited for. */
class LookUpClock implements Clock {
  readonly manual = new ManualClock();
  #next = Promise.withResolvers<number>();

  now(): number {
    return this.manual.now();
  }

  wallNow(): number {
    return this.manual.wallNow();
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = this.manual.after(delayMs, callback);
    if (delayMs !== FIRST_READING_MS) {
      this.#next.resolve(delayMs);
      this.#next = Promise.withResolvers();
    }
    return timer;
  }

  /** Lets the time until the next look-up go by, and waits for it to be over. @returns How long the one after it is away. */
  async lookUp(delayMs: number): Promise<number> {
    const next = this.#next.promise;
    this.manual.advance(delayMs);
    return await withDeadline(next, DEADLINE_MS, "look up again");
  }
}

/** A name server, and an empty pool on a clock that is moved by hand. */
async function world() {
  const server = await dnsServer();
  const clock = new LookUpClock();
  const pool = createPool({ name: "default", policy: "weighted", clock });
  const membership = new Membership(pool, { clock });
  const errors: string[] = [];
  const stack = new AsyncDisposableStack();
  stack.use(server);
  stack.use(membership);
  return {
    server,
    clock,
    pool,
    membership,
    errors,
    /** Follows a name. @returns How long the second look-up is away. */
    async follow(query: Omit<DnsQuery, "servers">): Promise<number> {
      const onError = (error: unknown): void => void errors.push(String(error));
      const options = { membership, clock, onError, timeoutMs: 250 };
      const next = clock.lookUp(0);
      stack.use(await watchDnsSource({ ...options, query: { ...query, servers: [server.address] } }));
      return await next;
    },
    names: (): string[] => Array.from(pool.backends(), ({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const ADDRESS: Omit<DnsQuery, "servers"> = { name: "a.test", type: "a", port: 7000 };
const SERVICE: Omit<DnsQuery, "servers"> = { name: "_chat._tcp.test", type: "srv" };

function a(host: string, ttl = 7): DnsRecord {
  return { type: host.includes(":") ? "AAAA" : "A", host, ttl };
}

function srv(host: string, more: Partial<DnsRecord & { readonly type: "SRV" }> = {}): DnsRecord {
  return { type: "SRV", host, port: 7001, priority: 10, weight: 1, ...more };
}

test("every address of a name, IPv4 and IPv6, is a backend before the source resolves", async () => {
  await using w = await world();
  w.server.say("a.test", "A", [a("10.0.0.1"), a("10.0.0.2")]);
  w.server.say("a.test", "AAAA", [a("fd00::1")]);
  await w.follow(ADDRESS);
  assertEquals(w.names(), ["10.0.0.1:7000", "10.0.0.2:7000", "[fd00::1]:7000"]);
  assertEquals(at(w.pool, "10.0.0.1:7000").source, "dns:a.test");
});

test("a name is looked up again by its shortest time to live, after 1 s at least and 30 s at most", async () => {
  await using w = await world();
  w.server.say("a.test", "A", [a("10.0.0.1", 9), a("10.0.0.2", 9)]);
  w.server.say("a.test", "AAAA", [a("fd00::1", 4)]);
  assertEquals(await w.follow(ADDRESS), 4000);
  w.server.say("a.test", "AAAA", [a("fd00::1", 0)]);
  assertEquals(await w.clock.lookUp(4000), 1000);
  w.server.say("a.test", "A", [a("10.0.0.3", 3600)]);
  w.server.say("a.test", "AAAA", [a("fd00::1", 3600)]);
  assertEquals(await w.clock.lookUp(1000), 30_000);
  assertEquals(w.names(), ["10.0.0.3:7000", "[fd00::1]:7000"]);
});

test("a look-up that fails, or finds nobody, keeps the last answer, is reported once and tried again ever later", async () => {
  await using w = await world();
  w.server.say("a.test", "A", [a("10.0.0.1")]);
  await w.follow(ADDRESS);
  let delayMs = 7000;
  for (const answer of ["failure", "no_such_name", [], "silent"] as const) {
    for (const type of ["A", "AAAA"] as const) w.server.say("a.test", type, answer);
    const nextMs = await w.clock.lookUp(delayMs);
    assertEquals(w.names(), ["10.0.0.1:7000"], String(answer));
    assert(nextMs >= 500 && nextMs <= 8000, `${answer}: ${nextMs}`);
    delayMs = nextMs;
  }
  const before = w.errors.length;
  assert(before >= 2, w.errors.join("\n"));
  assertStringIncludes(w.errors.at(-1) ?? "", "timeout");
  const nextMs = await w.clock.lookUp(delayMs);
  assertEquals(w.errors.length, before);
  assert(nextMs >= 8000 && nextMs <= 16_000, `the fifth is ${nextMs} ms away`);
  w.server.say("a.test", "A", [a("10.0.0.2")]);
  w.server.say("a.test", "AAAA", []);
  assertEquals(await w.clock.lookUp(nextMs), 7000);
  assertEquals(w.names(), ["10.0.0.2:7000"]);
});

test("while one kind of addresses cannot be looked up, its last ones stay and the other kind is followed", async () => {
  await using w = await world();
  w.server.say("a.test", "A", [a("10.0.0.1", 1)]);
  w.server.say("a.test", "AAAA", [a("fd00::1", 1)]);
  await w.follow(ADDRESS);
  w.server.say("a.test", "A", "silent");
  w.server.say("a.test", "AAAA", [a("fd00::2", 1)]);
  for (let turn = 0; turn < 4; turn++) await w.clock.lookUp(1000);
  assertEquals([w.names(), w.errors.length], [["10.0.0.1:7000", "[fd00::2]:7000"], 1]);
});

test("a kind of addresses is believed to be gone when it was absent three times beside the other one", async () => {
  await using w = await world();
  w.server.say("a.test", "A", [a("10.0.0.1", 1)]);
  w.server.say("a.test", "AAAA", [a("fd00::1", 1)]);
  await w.follow(ADDRESS);
  w.server.say("a.test", "A", []);
  for (let turn = 0; turn < 2; turn++) await w.clock.lookUp(1000);
  assertEquals(w.names(), ["10.0.0.1:7000", "[fd00::1]:7000"]);
  await w.clock.lookUp(1000);
  assertEquals([w.names(), w.errors], [["[fd00::1]:7000"], []]);
});

test("the servers of a service are backends by their ports, weights and priorities, looked up again after 10 s", async () => {
  await using w = await world();
  w.server.say(SERVICE.name, "SRV", [
    srv("one.test", { weight: 6 }),
    srv("two.test", { weight: 0 }),
    srv("old.test", { priority: 20, weight: 3, port: 7002 }),
  ]);
  w.server.say("one.test", "A", [a("10.0.0.1"), a("10.0.0.2")]);
  w.server.say("one.test", "AAAA", [a("fd00::1")]);
  w.server.say("two.test", "AAAA", [a("fd00::2")]);
  w.server.say("old.test", "A", [a("10.0.0.3")]);
  assertEquals(await w.follow(SERVICE), 10_000);
  const shown = Array.from(w.pool.backends(), ({ name, weight, backup }) => [name, weight, backup]);
  assertEquals(shown.toSorted(), [
    ["10.0.0.1:7001", 3, false],
    ["10.0.0.2:7001", 3, false],
    ["10.0.0.3:7002", 3, true],
    ["[fd00::2]:7001", 1, false],
  ]);
  w.server.say(SERVICE.name, "SRV", [srv("old.test", { priority: 20, port: 7002 })]);
  assertEquals(await w.clock.lookUp(10_000), 10_000);
  assertEquals([w.names(), at(w.pool, "10.0.0.3:7002").backup], [["10.0.0.3:7002"], false]);
});

test("a service that cannot be looked up or says that there is none keeps its servers, and one whose target fails its address", async () => {
  await using w = await world();
  w.server.say(SERVICE.name, "SRV", [srv("one.test"), srv("two.test")]);
  w.server.say("one.test", "A", [a("10.0.0.1")]);
  w.server.say("two.test", "A", [a("10.0.0.2")]);
  await w.follow(SERVICE);
  const both = ["10.0.0.1:7001", "10.0.0.2:7001"];
  w.server.say("one.test", "A", "failure");
  w.server.say("one.test", "AAAA", "failure");
  assertEquals(await w.clock.lookUp(10_000), 10_000);
  assertEquals(w.names(), both);
  w.server.say(SERVICE.name, "SRV", [srv(".", { port: 0 })]);
  const nextMs = await w.clock.lookUp(10_000);
  assertEquals([w.names(), nextMs <= 1000], [both, true]);
  w.server.say(SERVICE.name, "SRV", "no_such_name");
  await w.clock.lookUp(nextMs);
  assertEquals(w.names(), both);
});

test("a source whose name server is silent resolves after 5 s with nobody, and is ended at once by disposing", async () => {
  await using w = await world();
  for (const type of ["A", "AAAA"] as const) w.server.say("a.test", type, "silent");
  const asked = w.server.question("a.test", "A");
  const query = { ...ADDRESS, servers: [w.server.address] };
  const watching = watchDnsSource({ query, membership: w.membership, clock: w.clock, timeoutMs: 60_000 });
  await asked;
  assertEquals(w.clock.manual.pending, 1);
  w.clock.manual.advance(FIRST_READING_MS);
  const source = await watching;
  assertEquals(w.names(), []);
  await source[Symbol.asyncDispose]();
  assertEquals(w.clock.manual.pending, 0);
});

test("a source that is disposed ends the look-up under way, leaves no timer and leaves the pool as it is", async () => {
  const w = await world();
  w.server.say("a.test", "A", [a("10.0.0.1")]);
  await w.follow(ADDRESS);
  w.server.say("a.test", "A", "silent");
  const asked = w.server.question("a.test", "A");
  w.clock.manual.advance(7000);
  await asked;
  await w[Symbol.asyncDispose]();
  assertEquals([w.names(), w.clock.manual.pending, w.errors], [["10.0.0.1:7000"], 0, []]);
});

test("a query that is none is refused", async () => {
  const membership = new Membership(createPool({ name: "default", policy: "round-robin" }));
  const refused = async (query: DnsQuery, words: string): Promise<void> => {
    await assertRejects(() => watchDnsSource({ query, membership }), RangeError, words);
  };
  await refused({ name: "10.0.0.1", type: "a", port: 1 }, 'must be a name of the DNS, received "10.0.0.1"');
  await refused({ name: "a.test", type: "a" }, "port of a.test must be 1 to 65535, received undefined");
  await refused({ name: "a.test", type: "a", port: 0 }, "received 0");
});
