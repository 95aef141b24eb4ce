import { assert, assertEquals } from "@std/assert";
import { withDeadline } from "../../src/async/mod.ts";
import type { Address } from "../../src/net/mod.ts";
import { getJson, partAddress, startProgram } from "../cli/program.ts";
import { DEADLINE_MS, eventually, RawClient } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverCluster, upCluster } from "./clusters.ts";
import { Ledger } from "./ledger.ts";
import { assertSettled, joinChat, type Person, register, sayMany } from "./people.ts";

const CLIENTS = 16;
const GRACE_MS = 1500;

test("the clients of a server that is drained are told, move over the time there is, and lose nothing", async () => {
  await using redis = await redisServer();
  await using cluster = await serverCluster({ redis: () => redis.url, grace: `${GRACE_MS}ms` });
  const names = Array.from({ length: CLIENTS }, (_, index) => `user${index}`);
  await register(cluster.at(0), ["ada", ...names]);
  const ledger = new Ledger();
  await using stack = new AsyncDisposableStack();
  const ada = stack.use(await joinChat(cluster.from(0), "ada", ledger));
  const people: Person[] = [];
  for (const name of names) people.push(stack.use(await joinChat(cluster.from(1), name, ledger)));
  assertEquals(new Set(people.map(({ server }) => server)), new Set(["chat-2"]));

  const started = performance.now();
  cluster.program(1).signal("SIGTERM");
  const moved = people.map(async (person) => {
    await person.loggedInAgain(1);
    return performance.now() - started;
  });
  const talk = people.map((person) =>
    Promise.all([sayMany(ada, person.name, 20, 1), sayMany(person, "ada", 20, 1)]),
  );
  const times = await Promise.all(moved);
  await Promise.all(talk);
  await assertSettled(ledger);
  assertEquals(await cluster.program(1).end(), 0);
  assertEquals(new Set(people.map(({ server }) => server)), new Set(["chat-1"]));
  assertEquals(new Set(people.flatMap(({ closings }) => closings)), new Set(["draining"]));
  const spread = Math.max(...times) - Math.min(...times);
  assert(spread > GRACE_MS / 5, `all have moved within ${Math.round(spread)} ms`);
});

const DEADLINE_OF_DRAIN_MS = 3000;

/** Two servers behind a balancer, one of which an operator can drain. */
interface DrainWorld extends AsyncDisposable {
  readonly at: Address;
  drain(): Promise<void>;
  /** Resolves when the server takes clients again. */
  undrain(): Promise<void>;
  /** Where the drain is shown, as `HOST:PORT`. */
  readonly admin: string;
}

/** `up`, one of whose servers is drained over the API of the balancer. */
async function upWorld(dispatch: string): Promise<DrainWorld> {
  const cluster = await upCluster({ flags: ["--dispatch", dispatch] });
  const { admin } = cluster;
  const [backend] = await backendsOf(admin);
  const change = async (change: object): Promise<void> => {
    const answer = await fetch(`http://${admin}/api/pools/chat/backends/${backend?.name}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(change),
    });
    assertEquals(answer.status, 200, await answer.text());
  };
  return {
    at: cluster.at(0),
    admin,
    drain: () => change({ state: "draining", deadlineMs: DEADLINE_OF_DRAIN_MS }),
    async undrain() {
      await change({ state: "enabled" });
      await bothUp(admin);
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** Programs of their own on a Redis, one of which is drained by its own `--admin`. */
async function registryWorld(): Promise<DrainWorld> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await redisServer());
  const cluster = stack.use(await serverCluster({ redis: () => url, flags: ["--admin", "127.0.0.1:0"] }));
  const balance = ["balance", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--redis", url];
  const balancer = stack.use(startProgram([...balance, "--grace", "100ms"]));
  const [{ admin = "" }, ready] = await Promise.all([cluster.program(0).ready(), balancer.ready()]);
  await bothUp(ready.admin);
  const run = async (...args: string[]): Promise<void> => {
    await using command = startProgram([...args, "--server", "--admin", admin]);
    assertEquals([await command.end(), command.stderr], [0, ""]);
  };
  const kept = stack.move();
  return {
    at: partAddress(ready, "tcp"),
    admin,
    drain: () => run("drain", "--deadline", `${DEADLINE_OF_DRAIN_MS}ms`),
    async undrain() {
      await run("undrain");
      await bothUp(ready.admin);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Waits until the balancer takes both servers for up. */
function bothUp(admin: string | undefined): Promise<void> {
  return eventually("both servers up", async () => {
    const states = (await backendsOf(admin)).map(({ state }) => state);
    return states.length === 2 && states.every((state) => state === "up");
  });
}

async function backendsOf(
  admin: string | undefined,
): Promise<readonly { readonly name: string; readonly state: string }[]> {
  const { pools } = (await getJson(admin, "/api/pools")) as {
    pools: { backends: { name: string; state: string }[] }[];
  };
  return pools[0]?.backends ?? [];
}

function serverOf({ frames }: RawClient): unknown {
  return frames.find(({ server }) => server !== undefined)?.server;
}

/** Two clients who do not go when they are told to: the one that is told, and the one whose server goes on. */
async function drainUnder(world: DrainWorld, both: readonly RawClient[]): Promise<readonly RawClient[]> {
  await world.drain();
  const told = await Promise.race(both.map((client) => client.next("closing").then(() => client)));
  return [told, ...both.filter((client) => client !== told)];
}

const WORLDS: Readonly<Record<string, () => Promise<DrainWorld>>> = {
  "up with hand-over": () => upWorld("hand-over"),
  "up with splice": () => upWorld("splice"),
  "a balancer that finds it in the registry": registryWorld,
};

for (const [name, start] of Object.entries(WORLDS)) {
  test(`the clients of a server that an operator drains are told, move and lose nothing, and who stays is closed by the deadline: ${name}`, async () => {
    await using world = await start();
    const names = Array.from({ length: CLIENTS }, (_, index) => `user${index}`);
    await register(world.at, ["ada", ...names]);
    const ledger = new Ledger();
    await using stack = new AsyncDisposableStack();
    const both = [await RawClient.login(world.at, "one"), await RawClient.login(world.at, "two")];
    for (const client of both) stack.use(client);
    const ada = stack.use(await joinChat([world.at], "ada", ledger));
    const people: Person[] = [];
    for (const name of names) people.push(stack.use(await joinChat([world.at], name, ledger)));

    const started = performance.now();
    const [told, other] = await drainUnder(world, both);
    assert(told && other);
    const after = Number(told.frames.at(-1)?.after);
    assert(after > DEADLINE_OF_DRAIN_MS / 2 && after <= DEADLINE_OF_DRAIN_MS, `they are told ${after} ms`);
    const left = serverOf(told);
    const movers = [ada, ...people].filter(({ server }) => server === left);
    assert(movers.length > CLIENTS / 4, `${movers.length} were on the server that is drained`);
    const moved = Promise.all(movers.map((person) => person.loggedInAgain(1)));
    await Promise.all(
      people.map((person) => Promise.all([sayMany(ada, person.name, 20, 1), sayMany(person, "ada", 20, 1)])),
    );
    await moved;
    await withDeadline(told.closed, DEADLINE_MS, "see who stays closed");
    const tookMs = performance.now() - started;
    assert(tookMs > DEADLINE_OF_DRAIN_MS / 2, `it took ${tookMs} ms to close who stays`);
    assertEquals([told.frames.at(-1)?.type, told.frames.at(-1)?.reason], ["closing", "draining"]);
    await eventually("the drain end", async () => {
      const { drains } = (await getJson(world.admin, "/api/drains")) as { drains: unknown[] };
      return drains.length === 0;
    });
    await assertSettled(ledger);
    assertEquals(new Set([ada, ...people].map(({ server }) => server)), new Set([serverOf(other)]));
    // Who goes before the balancer knows may come back to the same server, and is told again.
    for (const person of [ada, ...people])
      assertEquals([...new Set(person.closings)], movers.includes(person) ? ["draining"] : []);
    assertEquals((await other.ask({ type: "ping" })).type, "pong");

    await world.undrain();
    await using first = await RawClient.login(world.at, "three");
    await using second = await RawClient.login(world.at, "four");
    assertEquals(new Set([first, second].map(serverOf)), new Set([left, serverOf(other)]));
  });
}
