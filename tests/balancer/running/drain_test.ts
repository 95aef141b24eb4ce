import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { Operations } from "../../../src/balancer/control/operations.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { type Connection, formatAddress, type Listener, systemDriver } from "../../../src/net/mod.ts";
import { type Announced, localRegistry } from "../../../src/registry/mod.ts";
import { test } from "../../testing.ts";
import { greeter, until } from "../frontend/frontends.ts";
import { at, configured, echo, Guests, LISTEN, poolOf, start } from "./balancers.ts";

test("the deadline that an operator has given a backend holds when its source drops it and names it again", async () => {
  using guests = new Guests();
  await using registry = localRegistry();
  await using a = await greeter("a");
  const name = formatAddress(a.address);
  const announce = (): Promise<Announced> =>
    registry.announce({ id: "a", tcp: name, weight: 1, capacity: 0, draining: false });
  const first = await announce();
  await using balancer = await start(
    {
      redis: "redis://127.0.0.1:1",
      frontends: { one: { listen: LISTEN, pool: "main" } },
      pools: { main: { registry: "chat", heartbeat: { kind: "none" } } },
    },
    { registry },
  );
  await until("the backend", () => balancer.pools.get("main")?.pool.find(name) !== undefined);
  const client = await guests.greeted(at(balancer, "one"));
  const operations = new Operations(balancer);
  operations.changeBackend("main", name, { state: "draining", deadlineMs: 1500 });
  const left = (): number => operations.drains()[0]?.remainingMs ?? Number.POSITIVE_INFINITY;
  assert(left() <= 1500);
  await first[Symbol.asyncDispose]();
  assert(left() <= 1500, `${left()} ms are left`);
  await using _second = await announce();
  assert(left() <= 1500, `${left()} ms are left`);
  await client.recorder.gone;
  client.connection.end();
  await until("nobody", () => balancer.table.size === 0);
  assertEquals(operations.pools()[0]?.backends[0]?.state, "draining");
});

test("a balancer that announces itself anew says goodbye to its old place only when it has the new one", async () => {
  await using registry = localRegistry();
  await using a = await greeter("a");
  const seen: string[] = [];
  const ids: string[] = [];
  await using _watch = await registry.watch({
    joined({ id, pool }) {
      if (pool !== "tier") return;
      if (!ids.includes(id)) ids.push(id);
      seen.push(`joined ${ids.indexOf(id)}`);
    },
    changed: () => undefined,
    left: (id, reason) => void seen.push(`${reason} ${ids.indexOf(id)}`),
  });
  const file = (more: object): object => ({
    redis: "redis://127.0.0.1:1",
    frontends: { one: { listen: LISTEN, pool: "main" } },
    pools: { main: poolOf([a]), ...more },
    advertise: { pool: "tier", address: "127.0.0.1:0" },
  });
  await using balancer = await start(file({}), { registry });
  await balancer.apply(configured(file({ other: poolOf([a]) })));
  assertEquals(seen, ["joined 0", "joined 1", "goodbye 0"]);
});

test("servers that can be told are asked to end their clients before a deadline, and to take some again when a drain is called off", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  await using b = await greeter("b");
  const names = new Map([
    [formatAddress(a.address), "a"],
    [formatAddress(b.address), "b"],
  ]);
  let told: (readonly [string | undefined, number | "undrained"])[] = [];
  const servers = {
    drain: ({ name }: Backend, graceMs: number) => void told.push([names.get(name), graceMs]),
    undrain: async ({ name }: Backend) => void told.push([names.get(name), "undrained"]),
  };
  await using balancer = await start(
    {
      frontends: { one: { listen: LISTEN, pool: "main" }, two: { listen: LISTEN, pool: "main" } },
      pools: { main: poolOf([a, b]) },
    },
    { servers },
  );
  const operations = new Operations(balancer);
  const name = formatAddress(a.address);
  const taken = (): typeof told => {
    const found = told;
    told = [];
    return found;
  };
  taken();
  const client = await guests.greeted(at(balancer, "one"));
  assertEquals(client.name, "a");
  operations.changeBackend("main", name, { state: "draining", deadlineMs: 100_000 });
  assertEquals(taken(), [["a", 90_000]]);
  operations.changePool("main", { state: "draining", deadlineMs: 10_000 });
  assertEquals(taken(), [
    ["a", 9000],
    ["b", 9000],
  ]);
  operations.changeBackend("main", name, { state: "enabled" });
  assertEquals(taken(), []);
  operations.changePool("main", { state: "enabled" });
  assertEquals(taken(), [
    ["a", "undrained"],
    ["b", "undrained"],
  ]);
  operations.changeFrontend("one", { state: "draining", deadlineMs: 10_000 });
  assertEquals(taken(), []);
  operations.changeFrontend("two", { state: "draining", deadlineMs: 10_000 });
  assertEquals(taken(), [
    ["a", 9000],
    ["b", 9000],
  ]);
  await until("the drain called off", () => operations.drains().every(({ kind }) => kind === "frontend"));
  operations.removeBackend("main", name, { deadlineMs: 20_000 });
  assertEquals(taken(), [["a", 18_000]]);
  operations.addBackend("main", { address: a.address });
  assertEquals(taken(), [["a", "undrained"]]);
  await echo(client);
});

test("a client whose server was told and does not end it is ended at the deadline, not before", async () => {
  using guests = new Guests();
  await using a = await greeter("a");
  const servers = { drain: () => undefined, undrain: () => Promise.resolve() };
  const file = { frontends: { one: { listen: LISTEN, pool: "main" } }, pools: { main: poolOf([a]) } };
  await using balancer = await start(file, { servers });
  const client = await guests.greeted(at(balancer, "one"));
  const operations = new Operations(balancer);
  const started = performance.now();
  operations.changeBackend("main", formatAddress(a.address), { state: "draining", deadlineMs: 1000 });
  await client.recorder.gone;
  const tookMs = performance.now() - started;
  assert(tookMs > 990, `it was ended after ${tookMs} ms`);
  await until("no drain", () => operations.drains().length === 0);
});

/** A chat server that answers heartbeats when it is let. */
class Answering {
  readonly #asked: (readonly [Connection, isDraining: boolean])[] = [];
  #isHeld = false;
  isDraining = false;

  /** Heartbeats that wait for their answers. */
  get waiting(): number {
    return this.#asked.length;
  }

  hold(): void {
    this.#isHeld = true;
  }

  /** Lets those go that wait, by what was true when they were asked. */
  release(): void {
    this.#isHeld = false;
    for (const [connection, isDraining] of this.#asked.splice(0)) answer(connection, isDraining);
  }

  async listen(): Promise<Listener> {
    return await systemDriver().listen(
      { host: "127.0.0.1", port: 0 },
      () => ({
        data: (connection) => {
          if (this.#isHeld) this.#asked.push([connection, this.isDraining]);
          else answer(connection, this.isDraining);
        },
        end: (connection) => connection.end(),
        close: () => undefined,
      }),
      {},
    );
  }
}

function answer(connection: Connection, draining: boolean): void {
  const pong = { type: "pong", server: "s", connections: 0, capacity: 0, draining };
  connection.write(Buffer.from(`${JSON.stringify(pong)}\n`));
}

test("a server that was told to take clients again gets some once it knows, whatever it answered before", async () => {
  const server = new Answering();
  await using listener = await server.listen();
  const heard = Promise.withResolvers<void>();
  const servers = {
    drain() {
      server.isDraining = true;
    },
    undrain: () => heard.promise,
  };
  await using balancer = await start(
    {
      frontends: { one: { listen: LISTEN, pool: "main" } },
      pools: {
        main: {
          backends: [formatAddress(listener.address)],
          heartbeat: { kind: "chat", interval: "100ms", timeout: "60s" },
        },
      },
    },
    { servers },
  );
  const operations = new Operations(balancer);
  const [backend] = [...(balancer.pools.get("main")?.pool.backends() ?? [])];
  assert(backend);
  const change = (state: "draining" | "enabled") => operations.changeBackend("main", backend.name, { state });
  await until("it up", () => backend.state() === "up");
  change("draining");
  await until("it say that it drains", () => backend.reported?.isDraining === true);
  server.hold();
  await until("a heartbeat on its way", () => server.waiting === 1);
  change("enabled");
  assertEquals(backend.state(), "draining");
  server.isDraining = false;
  heard.resolve();
  await until("it up", () => backend.state() === "up");
  const seen = new Set<string>();
  using _ = balancer.pools.get("main")?.pool.watch({ onState: (_backend, _from, to) => void seen.add(to) });
  server.release();
  const { probes } = backend.counters;
  await until("more heartbeats", () => backend.counters.probes > probes + 2);
  assertEquals(seen, new Set());
});
