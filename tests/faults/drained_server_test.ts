import { assert, assertEquals } from "@std/assert";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { serverCluster } from "./clusters.ts";
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
