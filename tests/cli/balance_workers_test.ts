import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import { formatAddress, type NetError } from "../../src/net/mod.ts";
import type { Visitor } from "../balancer/frontend/frontends.ts";
import { echo, Guests } from "../balancer/running/balancers.ts";
import { eventually, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { ask, backendProcess, shownBackends } from "./backends.ts";
import {
  allUp,
  balancerOf,
  countByName,
  greeters,
  isGone,
  metric,
  shownConnections,
} from "./balance_workers.ts";
import { childrenOf, getJson, partAddress, startProgram } from "./program.ts";

test("two workers give each of three servers its turns, and operators see the clients of both as one", async () => {
  await using servers = await greeters(3);
  using guests = new Guests();
  await using program = balancerOf(servers.all, ["--workers", "2"]);
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  await eventually("all servers are up", () => allUp(parts.admin));
  const came = [];
  for (let index = 0; index < 60; index++) came.push(await guests.greeted(frontend));

  for (const [name, count] of Object.entries(countByName(came)))
    assert(Math.abs(count - 20) <= 2, `${name} has ${count} of 60`);
  const { atBackends, ids } = await shownConnections(parts.admin);
  assertEquals([atBackends, new Set(ids).size], [60, 60]);
  assertEquals(new Set(ids.map((id) => id.split("-")[0])), new Set(["w1", "w2"]));
  const names = ["chorus_frontend_connections", "chorus_frontend_connections_total"];
  assertEquals(await Promise.all(names.map((name) => metric(parts.admin, name))), [60, 60]);
  assertEquals(await metric(parts.admin, "chorus_backend_connections_total"), 60);
  assertEquals(await metric(parts.admin, "chorus_backend_bytes_total", 'direction="out"'), 60);
  assertEquals(await metric(parts.admin, "chorus_backend_connect_seconds_count"), 60);

  const [first = ""] = ids;
  const closed = await fetch(`http://${parts.admin}/api/connections/${first}`, { method: "DELETE" });
  assertEquals(closed.status, 200);
  await Promise.race(came.map(({ recorder }) => recorder.gone));
  for (const one of came) if (isGone(one)) one.connection.abort();
  await eventually("one is closed", async () => (await shownConnections(parts.admin)).ids.length === 59);
  assertEquals(await metric(parts.admin, "chorus_backend_ended_total", 'reason="operator"'), 1);
});

test("a worker that is killed under load ends its own connections alone, is reported and is replaced", async () => {
  await using servers = await greeters(2);
  using guests = new Guests();
  await using program = balancerOf(servers.all, ["--workers", "2"]);
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  const came: Visitor[] = [];
  for (let index = 0; index < 40; index++) came.push(await guests.greeted(frontend));
  const { ids } = await shownConnections(parts.admin);
  const before = await childrenOf(program.pid);
  assertEquals(before.length, 2);
  process.kill(before[0] ?? -1, "SIGKILL");
  await program.says("has ended (killed by SIGKILL)");
  await eventually("the lost clients are gone", async () => {
    const { atBackends } = await shownConnections(parts.admin);
    return atBackends < 40 && came.filter((one) => !isGone(one)).length === atBackends;
  });
  const left = came.filter((one) => !isGone(one));
  for (const one of left) await echo(one);
  const lost = [1, 2].map((number) => ids.filter((id) => id.startsWith(`w${number}-`)).length);
  assert(lost.includes(40 - left.length), `${40 - left.length} of ${lost} are gone`);

  await eventually("there are two again", async () => {
    const now = await childrenOf(program.pid);
    return now.length === 2 && !now.includes(before[0] ?? -1);
  });
  await program.says("another worker starts in");
  await eventually("the new one serves", async () => {
    const client = await guests.greeted(frontend);
    await echo(client);
    return (await shownConnections(parts.admin)).ids.some((id) => id.startsWith("w3-"));
  });
});

test("a balancer that is told to end lets the clients of two workers leave, and ends those that stay", async () => {
  await using servers = await greeters(1);
  using guests = new Guests();
  await using program = balancerOf(servers.all, ["--workers", "2", "--grace", "3s"]);
  const frontend = { address: partAddress(await program.ready(), "tcp") };
  const came = [];
  for (let index = 0; index < 20; index++) came.push(await guests.greeted(frontend));
  program.signal("SIGTERM");
  await program.says("stopping: clients have 3000 ms to leave");
  for (const one of came) await echo(one);
  await eventually("nobody listens", async () => "failure" in (await ask(frontend.address)));
  for (const { connection } of came.slice(0, 10)) connection.end();
  assertEquals(await program.end(), 0);
  assertEquals(servers.all[0]?.clients.size, 0);
  assert(!program.stderr.includes("has ended"), program.stderr);
});

test("connections that one worker has count for least-connections in the other", async () => {
  await using servers = await greeters(2);
  using guests = new Guests();
  await using program = balancerOf(servers.all, ["--workers", "2", "--policy", "least-connections"]);
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  await eventually("all servers are up", () => allUp(parts.admin));
  const came = [];
  for (let index = 0; index < 10; index++) {
    came.push(await guests.greeted(frontend));
    await wait(220);
  }
  assertEquals(countByName(came), { a: 5, b: 5 });
});

test("a reload reaches the clients of all workers", async () => {
  await using servers = await greeters(2);
  const [a = "", b = ""] = servers.all.map(({ address }) => formatAddress(address));
  using folder = temporaryFolder();
  using guests = new Guests();
  const file = join(folder.path, "chorus.json");
  const write = (pool: object): void =>
    writeFileSync(
      file,
      JSON.stringify({
        frontends: { main: { listen: "127.0.0.1:0", pool: "main" } },
        pools: { main: { ...pool, heartbeat: { kind: "none" }, connections: { onRemoved: "close" } } },
        admin: { listen: "127.0.0.1:0" },
        workers: { count: 2 },
      }),
    );
  write({ backends: [a] });
  await using program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  const frontend = { address: partAddress(await program.ready(), "tcp") };
  const before = [];
  for (let index = 0; index < 10; index++) before.push(await guests.greeted(frontend));
  assertEquals(countByName(before), { a: 10 });

  write({ backends: [b], policy: "random" });
  program.signal("SIGHUP");
  await program.says("pools: main has changed");
  const after = [];
  for (let index = 0; index < 10; index++) after.push(await guests.greeted(frontend));
  assertEquals(countByName(after), { b: 10 });
  for (const { recorder } of before) await recorder.gone;
});

test("what the balancer finds out about a server holds in all workers, and what an operator wants of it", async () => {
  await using a = await backendProcess("a");
  await using b = await backendProcess("b");
  const flags = ["--backend", a.address, "--backend", b.address, "--heartbeat-interval", "200ms"];
  await using program = balancerOf([], ["--workers", "2", ...flags]);
  const parts = await program.ready();
  const frontend = partAddress(parts, "tcp");
  await eventually("all servers are up", () => allUp(parts.admin));
  await a.kill();
  await eventually("it is down", async () => (await shownBackends(parts.admin))[a.address]?.state === "down");
  const names = new Set<string>();
  for (let index = 0; index < 20; index++) {
    const visit = await ask(frontend);
    names.add("name" in visit ? visit.name : visit.failure);
  }
  assertEquals([...names], ["b"]);
  const patched = await fetch(`http://${parts.admin}/api/pools/default/backends/${b.address}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ state: "disabled" }),
  });
  assertEquals(patched.status, 200);
  await eventually("nobody is served", async () => "failure" in (await ask(frontend)));
  await eventually(
    "it is counted",
    async () => (await metric(parts.admin, "chorus_frontend_refused_total")) > 0,
  );
});

test("a backend that drains loses its clients of all workers by the deadline, and others keep theirs", async () => {
  await using servers = await greeters(2);
  using guests = new Guests();
  await using program = balancerOf(servers.all, ["--workers", "2"]);
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  const came = [];
  for (let index = 0; index < 20; index++) came.push(await guests.greeted(frontend));
  const name = formatAddress(servers.all[0]?.address ?? { path: "" });
  const drain = startProgram(["drain", name, "--deadline", "500ms", "--wait", "--admin", parts.admin ?? ""]);
  await using command = drain;
  assertEquals(await command.end(), 0);
  for (const { name: greeting, recorder } of came) if (greeting === "a") await recorder.gone;
  for (const one of came) if (one.name === "b") await echo(one);
  await eventually("the drain is over", async () => {
    const { drains } = (await getJson(parts.admin, "/api/drains")) as { drains: unknown[] };
    return drains.length === 0;
  });
});

test("threads share the ports as processes do", async () => {
  await using servers = await greeters(2);
  using guests = new Guests();
  await using program = balancerOf(servers.all, ["--workers", "2", "--worker-kind", "threads"]);
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  const came = [];
  for (let index = 0; index < 20; index++) came.push(await guests.greeted(frontend));
  const { atBackends, ids } = await shownConnections(parts.admin);
  assertEquals([atBackends, ids.length, await childrenOf(program.pid)], [20, 20, []]);
  program.signal("SIGTERM");
  assertEquals(await program.end(), 0);
});

test("--max-connections chooses as many workers as have files for so many", async () => {
  await using servers = await greeters(1);
  await using program = balancerOf(servers.all, ["--max-connections", "400"], { maxFiles: 400 });
  await program.ready();
  // Of 400 files 64 are kept back, a client takes two, and a worker stops at 95 %: 159 each.
  assertEquals((await childrenOf(program.pid)).length, 3);
  assertMatch(program.stderr, /3 processes serve clients; there are files for 477 connections/);
});

test("the start says how many connections fit, and how many workers would fit more", async () => {
  await using servers = await greeters(1);
  const flags = ["--max-connections", "400", "--workers", "2"];
  await using program = balancerOf(servers.all, flags, { maxFiles: 400 });
  await program.ready();
  assertStringIncludes(
    program.stderr,
    "400 connections are asked for, but 2 processes may open 400 files each, which is enough for 318; raise the limit (ulimit -n), or start 3 processes (--workers 3)",
  );
});

test("a worker that is short of files leaves new clients to the others, and none is refused", async () => {
  await using servers = await greeters(1);
  using guests = new Guests();
  // Each has files for 95; the system spreads clients by chance, so that one of five is full long before all are.
  await using program = balancerOf(servers.all, ["--workers", "5"], { maxFiles: 264 });
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  const isFull = (): boolean => program.stderr.includes("no more clients are accepted until there is room");
  let count = 0;
  for (let more = 8; more > 0 && count < 471; count++) {
    await echo(await guests.greeted(frontend));
    if (isFull()) more -= 1;
  }
  assert(isFull(), program.stderr);
  assertEquals(await metric(parts.admin, "chorus_frontend_refused_total"), 0);
  assertEquals((await shownConnections(parts.admin)).atBackends, count);
});

test("a frontend on a unix socket stays with the balancer, and one limit holds for its clients and those of workers", async () => {
  await using servers = await greeters(1);
  const backends = servers.all.map(({ address }) => formatAddress(address));
  using folder = temporaryFolder();
  using guests = new Guests();
  const [file, path] = [join(folder.path, "chorus.json"), join(folder.path, "socket")];
  const configuration = {
    frontends: {
      main: { listen: "127.0.0.1:0", pool: "main" },
      local: { listen: `unix:${path}`, pool: "main" },
    },
    pools: { main: { backends, heartbeat: { kind: "none" } } },
    admin: { listen: "127.0.0.1:0" },
    limits: { maxConnections: 6 },
    workers: { count: 2 },
  };
  writeFileSync(file, JSON.stringify(configuration));
  await using program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  const parts = await program.ready();
  const frontend = { address: partAddress(parts, "tcp") };
  for (let index = 0; index < 3; index++) {
    await guests.greeted({ address: { path } });
    await guests.greeted(frontend);
  }
  const { ids } = await shownConnections(parts.admin);
  assertEquals(ids.filter((id) => id.startsWith("c")).length, 3);
  assertEquals(ids.filter((id) => id.startsWith("w")).length, 3);
  await eventually("there is no room for more", async () => {
    // The reset of who is refused may come before the connection is seen to be there.
    const visitor = await guests.visit(frontend).catch((error: NetError) => error.code);
    if (typeof visitor === "string") {
      assertEquals(visitor, "reset");
      return true;
    }
    const { recorder } = visitor;
    await Promise.race([recorder.gone, recorder.received(1)]);
    return isGone({ recorder });
  });
  assertEquals(await metric(parts.admin, "chorus_frontend_refused_total", 'reason="frontend_full"'), 1);
});
