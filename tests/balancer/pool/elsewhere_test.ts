import { assertEquals } from "@std/assert";
import { UNKNOWN_HEALTH } from "../../../src/balancer/heartbeat/heartbeat.ts";
import { createPool, type PoolOptions } from "../../../src/balancer/pool/pool.ts";
import { test } from "../../testing.ts";

const CLIENT = { host: "192.0.2.1" };

function pool(options: Partial<PoolOptions> = {}) {
  const made = createPool({ name: "p", policy: "least-connections", ...options });
  const a = made.add({ address: { host: "127.0.0.1", port: 1 } });
  const b = made.add({ address: { host: "127.0.0.1", port: 2 }, maxConnections: 3 });
  return { made, a, b };
}

test("connections that others have to a backend count for least-connections as ours do", () => {
  const { made, a, b } = pool();
  made.countElsewhere(a, 2, 5);
  const picked = [1, 2, 3].map(() => made.acquire(CLIENT)?.backend.name);
  assertEquals(picked.slice(0, 2), [b.name, b.name]);
  assertEquals([a.elsewhere, a.active + b.active, a.total + b.total], [2, 5, 8]);
});

test("connections that others have to a backend count for its limit, and one that they give back serves who waits", async () => {
  const { made, a, b } = pool();
  made.change(a.name, { admin: "disabled" });
  made.countElsewhere(b, 3);
  assertEquals(made.acquire(CLIENT), undefined);
  const waited = made.wait(CLIENT, { signal: new AbortController().signal });
  made.countElsewhere(b, 2);
  const lease = await waited;
  assertEquals(typeof lease === "object" && lease.backend.name, b.name);
  assertEquals(b.active, 3);
});

test("a backend that was removed still counts what others have to it", () => {
  const { made, a } = pool();
  made.countElsewhere(a, 2);
  made.remove(a.name);
  made.countElsewhere(a, 0, 1);
  assertEquals([a.active, a.total], [0, 1]);
});

test("a pool whose backends are judged elsewhere tells of its clients, and takes the verdicts over", () => {
  const told: string[] = [];
  const { made, a, b } = pool({
    judge: {
      failed: ({ name }) => void told.push(`failed ${name}`),
      connected: ({ name }) => void told.push(`connected ${name}`),
    },
  });
  const states: string[] = [];
  made.watch({ onState: ({ name }, from, to) => void states.push(`${name} ${from} ${to}`) });
  const lease = made.acquire(CLIENT);
  if (!lease) throw new Error("there is no lease");
  made.failed(lease);
  made.connected(lease);
  assertEquals(told, [`failed ${lease.backend.name}`, `connected ${lease.backend.name}`]);
  assertEquals([lease.backend.health.missed, lease.backend.counters.connectFailures], [0, 1]);

  const health = { ...UNKNOWN_HEALTH, missed: 3, verdict: "down" } as const;
  const seen = { health, isHeld: false, ramp: 1, reported: undefined, change: { weight: 7 } };
  made.reflect(a, seen);
  assertEquals([a.state(), a.weight, states], ["down", 7, [`${a.name} suspect down`]]);
  assertEquals(made.acquire(CLIENT)?.backend, b);
});

test("whoever watches a pool is told of a changed weight, a verdict and a step of a ramp", () => {
  const { made, a } = pool();
  const told: string[] = [];
  made.watch({ onChange: ({ name, weight }) => void told.push(`${name} ${weight}`) });
  made.change(a.name, { weight: 4 });
  made.beat(a, "answered");
  assertEquals(told, [`${a.name} 4`, `${a.name} 4`]);
});
