import { assertEquals, assertRejects } from "@std/assert";
import { Operations } from "../../../src/balancer/control/operations.ts";
import { formatAddress, NetError } from "../../../src/net/mod.ts";
import { freePort } from "../../cli/peers.ts";
import { test } from "../../testing.ts";
import { greeter, refused, until } from "../frontend/frontends.ts";
import { at, configured, Guests, LISTEN, poolOf, start } from "./balancers.ts";

test("a frontend that is new listens, one that is gone does not, and the clients of both go on", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const pools = { main: poolOf([a]) };
  await using balancer = await start({ frontends: { one: { listen: LISTEN, pool: "main" } }, pools });
  const one = at(balancer, "one");
  const client = await guests.greeted(one);
  const changes = await balancer.apply(
    configured({ frontends: { two: { listen: LISTEN, pool: "main" } }, pools }),
  );
  assertEquals(changes.frontends, { added: ["two"], removed: ["one"], changed: [] });
  assertEquals((await guests.greeted(at(balancer, "two"))).name, "a");
  await assertRejects(() => guests.greeted(one), NetError);
  client.connection.write(new TextEncoder().encode("hello"));
  await client.recorder.received(6);
});

test("a frontend that is given another name keeps its address", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const pools = { main: poolOf([a]) };
  const listen = `127.0.0.1:${await freePort()}`;
  await using balancer = await start({ frontends: { one: { listen, pool: "main" } }, pools });
  const client = await guests.greeted(at(balancer, "one"));
  await balancer.apply(configured({ frontends: { two: { listen, pool: "main" } }, pools }));
  assertEquals(formatAddress(at(balancer, "two").address), listen);
  assertEquals((await guests.greeted(at(balancer, "two"))).name, "a");
  client.connection.write(new TextEncoder().encode("hello"));
  await client.recorder.received(6);
  assertEquals(balancer.errors, []);
});

test("where a new frontend cannot listen, nothing has changed", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using b = await greeter("b");
  await using taken = await greeter("t");
  const before = { frontends: { one: { listen: LISTEN, pool: "main" } }, pools: { main: poolOf([a]) } };
  await using balancer = await start(before);
  const after = {
    frontends: {
      one: { listen: LISTEN, pool: "other" },
      two: { listen: LISTEN, pool: "other" },
      three: { listen: formatAddress(taken.address), pool: "other" },
    },
    pools: { main: poolOf([b]), other: poolOf([b]) },
  };
  const error = await assertRejects(() => balancer.apply(configured(after)), NetError);
  assertEquals(error.code, "in_use");
  assertEquals([balancer.frontends.names, [...balancer.pools.keys()]], [["one"], ["main"]]);
  assertEquals((await guests.greeted(at(balancer, "one"))).name, "a");
});

test("a frontend is sent to another pool without listening anew, and a pool that is gone lets its clients finish", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using b = await greeter("b");
  await using balancer = await start({
    frontends: { one: { listen: LISTEN, pool: "first" } },
    pools: { first: poolOf([a]) },
  });
  const one = at(balancer, "one");
  const client = await guests.greeted(one);
  await balancer.apply(
    configured({ frontends: { one: { listen: LISTEN, pool: "second" } }, pools: { second: poolOf([b]) } }),
  );
  assertEquals([at(balancer, "one") === one, (await guests.greeted(one)).name], [true, "b"]);
  assertEquals(
    balancer.drains.list().map(({ kind, name, left }) => ({ kind, name, left })),
    [{ kind: "pool", name: "first", left: 1 }],
  );
  client.connection.write(new TextEncoder().encode("hello"));
  await client.recorder.received(6);
  client.connection.end();
  await until("the end of the drain", () => balancer.drains.list().length === 0);
});

test("what an operator has changed holds under another configuration, unless that says otherwise", async () => {
  await using a = await greeter("a");
  await using b = await greeter("b");
  const file = (weight: number, policy: string): object => ({
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: { ...poolOf([]), policy, backends: [{ address: formatAddress(a.address), weight }] } },
  });
  await using balancer = await start(file(1, "round-robin"));
  const operations = new Operations(balancer);
  const name = formatAddress(a.address);
  assertEquals(operations.changeBackend("main", name, { weight: 7 }).ok, true);
  assertEquals(operations.addBackend("main", { address: b.address }).ok, true);
  assertEquals(operations.addBackend("main", { address: b.address }), {
    ok: false,
    status: 409,
    error: `Cannot add backend: pool "main" has one named "${formatAddress(b.address)}" already`,
  });
  await balancer.apply(configured(file(1, "weighted")));
  const weights = () => operations.pools()[0]?.backends.map((backend) => backend.weight);
  assertEquals([operations.pools()[0]?.policy, weights()], ["weighted", [7, 1]]);
  await balancer.apply(configured(file(3, "weighted")));
  assertEquals(weights(), [3, 1]);
});

test("operators see the clients of a backend, end one, drain a frontend, and are told what is not there", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using balancer = await start({
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a]) },
  });
  const operations = new Operations(balancer);
  const one = at(balancer, "one");
  const first = await guests.greeted(one);
  const second = await guests.greeted(one);
  const [shown] = operations.connections({ backend: formatAddress(a.address) }, 10);
  assertEquals([shown?.frontend, shown?.pool, shown?.transport, shown?.bytesOut], ["one", "main", "tcp", 1]);
  const connectTime = operations.pools()[0]?.backends[0]?.connectTime;
  assertEquals([connectTime?.count, (connectTime?.seconds ?? 0) > 0], [2, true]);
  assertEquals(operations.closeConnection(shown?.id ?? "").ok, true);
  await first.recorder.gone;
  first.connection.end();
  await until("the first one gone", () => balancer.table.size === 1);
  assertEquals(operations.changeFrontend("one", { state: "draining", deadlineMs: 300 }).ok, true);
  await second.recorder.gone;
  second.connection.end();
  await until("the end of the drain", () => balancer.table.size === 0);
  await assertRejects(() => guests.greeted(one), NetError);
  const counted = [...(balancer.pools.get("main")?.pool.backends() ?? [])][0]?.counters.ended;
  assertEquals([counted?.operator, counted?.drained], [1, 1]);
  assertEquals(operations.closeConnection("c9"), { ok: false, status: 404 });
  assertEquals(operations.changePool("none", { state: "draining" }), { ok: false, status: 404 });
});

test("a pool that drains refuses new clients, and takes them again when it no longer does", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using balancer = await start({
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a]) },
  });
  const operations = new Operations(balancer);
  const client = await guests.greeted(at(balancer, "one"));
  operations.changePool("main", { state: "draining" });
  await refused(at(balancer, "one"));
  assertEquals(at(balancer, "one").counters.refused.draining, 1);
  operations.changePool("main", { state: "enabled" });
  assertEquals((await guests.greeted(at(balancer, "one"))).name, "a");
  client.connection.write(new TextEncoder().encode("hello"));
  await client.recorder.received(6);
});

test("a limit for the whole balancer counts the clients of all its frontends, also after it was changed", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const file = (maxConnections: number): object => ({
    frontends: { one: { listen: LISTEN, pool: "main" }, two: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a]) },
    limits: { maxConnections },
  });
  await using balancer = await start(file(2));
  await guests.greeted(at(balancer, "one"));
  await guests.greeted(at(balancer, "two"));
  await refused(at(balancer, "one"));
  await balancer.apply(configured(file(3)));
  await guests.greeted(at(balancer, "one"));
  await refused(at(balancer, "two"));
  const full = ["one", "two"].map((name) => at(balancer, name).counters.refused.frontend_full);
  assertEquals(full, [1, 1]);
});
