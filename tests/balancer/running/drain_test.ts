import { assert, assertEquals } from "@std/assert";
import { Operations } from "../../../src/balancer/control/operations.ts";
import { formatAddress } from "../../../src/net/mod.ts";
import { type Announced, localRegistry } from "../../../src/registry/mod.ts";
import { test } from "../../testing.ts";
import { greeter, until } from "../frontend/frontends.ts";
import { at, Guests, LISTEN, start } from "./balancers.ts";

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
