import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Operations } from "../../../src/balancer/control/operations.ts";
import { formatAddress, NetError } from "../../../src/net/mod.ts";
import { type Announcement, localRegistry, type Registry } from "../../../src/registry/mod.ts";
import { temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { greeter, until } from "../frontend/frontends.ts";
import { at, configured, echo, Guests, LISTEN, poolOf, start } from "./balancers.ts";

test("what an operator changes while a configuration is being applied is kept", async () => {
  await using a = await greeter("a");
  await using b = await greeter("b");
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Registry>();
  await using registry = localRegistry();
  const file = (more: object): object => ({
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a], { policy: "weighted", ...more }), other: poolOf([a]) },
  });
  await using balancer = await start(file({}), {
    registryAt: () => {
      asked.resolve();
      return answer.promise;
    },
  });
  const operations = new Operations(balancer);
  const applied = balancer.apply(
    configured({ ...file({ queue: { limit: 7 } }), redis: "redis://127.0.0.1:1" }),
  );
  await asked.promise;
  const name = formatAddress(a.address);
  assertEquals(operations.changeBackend("main", name, { weight: 7 }).ok, true);
  assertEquals(operations.addBackend("main", { address: b.address }).ok, true);
  answer.resolve(registry);
  await applied;
  const weights = () => operations.pools()[0]?.backends.map((backend) => [backend.name, backend.weight]);
  assertEquals(weights(), [
    [name, 7],
    [formatAddress(b.address), 1],
  ]);
  await balancer.apply(configured(file({})));
  assertEquals(weights(), [
    [name, 7],
    [formatAddress(b.address), 1],
  ]);
});

test("a configuration that is the same changes nothing, also where an operator has changed a backend", async () => {
  await using a = await greeter("a");
  const file = { frontends: { one: { listen: LISTEN, pool: "main" } }, pools: { main: poolOf([a]) } };
  await using balancer = await start(file);
  new Operations(balancer).changeBackend("main", formatAddress(a.address), { weight: 7 });
  const { pools, frontends } = await balancer.apply(configured(file));
  assertEquals([pools.changed, frontends.changed], [[], []]);
});

test("a balancer that is closing, or closed, takes no other configuration and listens on nothing", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const file = (name: string): object => ({
    frontends: { [name]: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a]) },
  });
  await using balancer = await start(file("one"));
  const client = await guests.greeted(at(balancer, "one"));
  const closed = balancer.close(60_000);
  await assertRejects(() => balancer.apply(configured(file("two"))), Error, "closed");
  assertEquals(balancer.frontends.names, ["one"]);
  await echo(client);
  client.connection.end();
  await closed;
  await assertRejects(() => balancer.apply(configured(file("two"))), Error, "closed");
});

test("a frontend that listens again keeps its new clients when the drain of its old ones ends", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const file = { frontends: { one: { listen: LISTEN, pool: "main" } }, pools: { main: poolOf([a]) } };
  await using balancer = await start(file);
  const old = await guests.greeted(at(balancer, "one"));
  void balancer.frontends.drain("one", 400);
  await balancer.apply(configured(file));
  const young = await guests.greeted(at(balancer, "one"));
  await old.recorder.gone;
  old.connection.end();
  await until("the end of the drain", () => balancer.drains.list().length === 0);
  await echo(young);
  assertEquals(balancer.table.size, 1);
});

test("the clients of a frontend that is gone are closed spread over the drain of their pool, which is shown", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const pools = { main: poolOf([a], { connections: { drain: "1s" } }) };
  await using balancer = await start({ frontends: { one: { listen: LISTEN, pool: "main" } }, pools });
  const clients = await Promise.all(Array.from({ length: 8 }, () => guests.greeted(at(balancer, "one"))));
  await balancer.apply(configured({ frontends: { two: { listen: LISTEN, pool: "main" } }, pools }));
  const [drain] = balancer.drains.list();
  assertEquals([drain?.kind, drain?.name, drain?.total], ["frontend", "one", 8]);
  const ends: number[] = [];
  for (const { connection, recorder } of clients)
    void recorder.gone.then(() => {
      ends.push(performance.now());
      connection.end();
    });
  await until("the end of all", () => ends.length === 8);
  assert((ends.at(-1) ?? 0) - (ends[0] ?? 0) > 300, `all within ${(ends.at(-1) ?? 0) - (ends[0] ?? 0)} ms`);
  await until("the end of the drain", () => balancer.drains.list().length === 0);
  const [backend] = balancer.pools.get("main")?.pool.backends() ?? [];
  assertEquals(backend?.counters.ended.drained, 8);
});

test("a balancer closes without waiting for who said nothing yet at a frontend that is gone", async () => {
  await using a = await greeter("a");
  const pools = { main: poolOf([a]) };
  const proxyProtocol = { trusted: ["127.0.0.1"] };
  await using balancer = await start({
    frontends: { one: { listen: LISTEN, pool: "main", proxyProtocol } },
    pools,
  });
  using guests = new Guests();
  const one = at(balancer, "one");
  const silent = await guests.visit(one);
  await until("the client", () => one.connections === 1);
  await balancer.apply(configured({ frontends: { two: { listen: LISTEN, pool: "main" } }, pools }));
  const begun = performance.now();
  await balancer.close();
  assert(performance.now() - begun < 1500, `it took ${performance.now() - begun} ms`);
  await silent.recorder.gone;
});

test("a pool that is gone goes on draining when another one of its name is drained and opened again", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using b = await greeter("b");
  const pool = (server: typeof a): object => poolOf([server], { connections: { drain: "600ms" } });
  const at1 = { listen: LISTEN, pool: "first" };
  await using balancer = await start({ frontends: { one: at1 }, pools: { first: pool(a) } });
  const old = await guests.greeted(at(balancer, "one"));
  const second = { frontends: { one: { ...at1, pool: "second" } }, pools: { second: pool(b) } };
  await balancer.apply(configured(second));
  await balancer.apply(configured({ ...second, pools: { ...second.pools, first: pool(b) } }));
  const operations = new Operations(balancer);
  operations.changePool("first", { state: "draining" });
  operations.changePool("first", { state: "enabled" });
  await old.recorder.gone;
  old.connection.end();
  await until("nobody", () => balancer.table.size === 0);
});

test("a backend that an operator removes with no time to leave has no connections then", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using b = await greeter("b");
  await using balancer = await start({
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a, b]) },
  });
  const backends = () => balancer.pools.get("main")?.pool.backends() ?? [];
  await until("both up", () => [...backends()].every(({ health }) => health.verdict === "up"));
  const clients = await Promise.all(Array.from({ length: 4 }, () => guests.greeted(at(balancer, "one"))));
  const onA = clients.find(({ name }) => name === "a");
  const onB = clients.find(({ name }) => name === "b");
  assert(onA && onB);
  const outcome = new Operations(balancer).removeBackend("main", formatAddress(a.address), { deadlineMs: 0 });
  assertEquals(outcome.ok, true);
  await onA.recorder.gone;
  const [onlyB] = backends();
  await until("nobody else", () => balancer.table.size === onlyB?.active);
  await echo(onB);
});

test("a pool follows the registry of another Redis as soon as that is named", async () => {
  await using first = localRegistry();
  await using second = localRegistry();
  await using a = await greeter("a");
  await using b = await greeter("b");
  const announcement = (id: string, tcp: string): Announcement => ({
    id,
    tcp,
    weight: 1,
    capacity: 0,
    draining: false,
  });
  await using _a = await first.announce(announcement("a", formatAddress(a.address)));
  await using _b = await second.announce(announcement("b", formatAddress(b.address)));
  const file = (redis: string): object => ({
    redis,
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: { registry: "chat", heartbeat: { kind: "none" } } },
  });
  const registryAt = async (url: string): Promise<Registry> => (url.endsWith("1") ? first : second);
  await using balancer = await start(file("redis://127.0.0.1:1"), { registryAt });
  const names = (): string[] =>
    Array.from(balancer.pools.get("main")?.pool.backends() ?? [], ({ name }) => name);
  await until("the server of the first one", () => names().includes(formatAddress(a.address)));
  await balancer.apply(configured(file("redis://127.0.0.1:2")));
  await until("the server of the second one alone", () => names().join() === formatAddress(b.address));
});

test("a list whose folder was not there is followed once the same configuration is applied again", async () => {
  await using a = await greeter("a");
  using folder = temporaryFolder();
  const path = join(folder.path, "later", "list");
  const pools = { main: { file: path, heartbeat: { kind: "none" } } };
  const file = { frontends: { one: { listen: LISTEN, pool: "main" } }, pools };
  await using balancer = await start(file);
  assertEquals(balancer.errors.length, 1);
  mkdirSync(join(folder.path, "later"));
  writeFileSync(path, formatAddress(a.address));
  await balancer.apply(configured(file));
  assertEquals(balancer.pools.get("main")?.pool.size, 1);
  const { pools: changes } = await balancer.apply(configured(file));
  assertEquals([changes.changed, balancer.errors.length], [[], 1]);
});

test("a frontend moves from one address of the machine to all of them on the same port, and back", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const pools = { main: poolOf([a]) };
  await using balancer = await start({ frontends: { one: { listen: LISTEN, pool: "main" } }, pools });
  const client = await guests.greeted(at(balancer, "one"));
  const { port } = at(balancer, "one").address as { port: number };
  const file = (host: string): object => ({
    frontends: { one: { listen: `${host}:${port}`, pool: "main" } },
    pools,
  });
  await balancer.apply(configured(file("127.0.0.1")));
  await balancer.apply(configured(file("0.0.0.0")));
  await guests.greeted({ ...at(balancer, "one"), address: { host: "127.0.0.1", port } });
  await balancer.apply(configured(file("127.0.0.1")));
  await guests.greeted(at(balancer, "one"));
  await echo(client);
  assertEquals(balancer.errors, []);
  await balancer.close();
  await assertRejects(
    () => guests.greeted({ ...at(balancer, "one"), address: { host: "127.0.0.1", port } }),
    NetError,
  );
});
