import { assertEquals } from "@std/assert";
import { createPool, type Lease, type Pool } from "../../../src/balancer/pool/pool.ts";
import { Ledger } from "../../../src/balancer/workers/ledger.ts";
import { WorkerLink } from "../../../src/balancer/workers/link.ts";
import { Mirror } from "../../../src/balancer/workers/mirror.ts";
import { Roster } from "../../../src/balancer/workers/roster.ts";
import { Tally } from "../../../src/balancer/workers/tally.ts";
import { test } from "../../testing.ts";

const CLIENT = { host: "192.0.2.1" };
const ADDRESS = { host: "127.0.0.1", port: 1 };

/** A worker without a process: what it is told and what it tells goes by calls. */
class Worker {
  readonly link: WorkerLink;
  /** Backends that have left and have connections here. */
  readonly gone: string[] = [];
  readonly mirror = new Mirror(({ name }) => void this.gone.push(name));
  readonly tally = new Tally(this.mirror, () => undefined);
  readonly pool: Pool;

  constructor(number: number, poolId: number) {
    const closed = new Promise<void>(() => undefined);
    const channel = { send: () => true, on: () => undefined, received: 0, closed };
    this.link = new WorkerLink(number, channel, () => undefined);
    this.pool = createPool({ name: "p", policy: "least-connections", judge: this.tally });
    this.mirror.adopt(poolId, this.pool);
  }

  take(): Lease {
    const lease = this.pool.acquire(CLIENT);
    if (!lease) throw new Error("there is no lease");
    return lease;
  }
}

/** A balancer's pool, and two workers. */
function world() {
  const pool = createPool({ name: "p", policy: "least-connections", heartbeat: { threshold: 1 } });
  const roster = new Roster();
  roster.follow(pool);
  const ledger = new Ledger(roster, new Map());
  const poolId = roster.poolIds(new Set(["p"])).get("p") ?? 0;
  const workers = [new Worker(1, poolId), new Worker(2, poolId)] as const;
  /** Lets everybody tell what is new. */
  function tell(): void {
    const news = roster.takeNews() ?? { pools: [], backends: [], removed: [] };
    for (const { mirror } of workers) mirror.take(news);
    for (const { tally, link } of workers)
      ledger.take(link, tally.take(undefined) ?? { backends: [], frontends: [], queued: [] });
    for (const { mirror, link } of workers)
      for (const [id, count] of ledger.takeCounts(link)?.backends ?? []) mirror.count(id, count);
  }
  return { pool, roster, ledger, workers, tell };
}

test("connections of two workers are added up, and each is told those of the other", () => {
  const { pool, workers, tell } = world();
  const backend = pool.add({ address: ADDRESS, weight: 3 });
  tell();
  const [one, two] = workers;
  const lease = one.take();
  one.take();
  two.take();
  tell();
  assertEquals([backend.active, backend.total], [3, 3]);
  const seen = workers.map((worker) => worker.pool.find(backend.name));
  assertEquals(
    seen.map((found) => [found?.active, found?.elsewhere, found?.weight]),
    [
      [3, 1, 3],
      [3, 2, 3],
    ],
  );
  lease[Symbol.dispose]();
  tell();
  assertEquals([backend.active, backend.total, seen[1]?.active], [2, 3, 2]);
});

test("a worker that is gone takes its connections, and what it has counted stays", () => {
  const { pool, ledger, workers, tell } = world();
  const backend = pool.add({ address: ADDRESS });
  tell();
  workers[0].take();
  workers[1].take();
  tell();
  ledger.drop(workers[0].link);
  assertEquals([backend.active, backend.total], [1, 2]);
});

test("the balancer judges a backend by the clients of its workers, which take its verdict over", () => {
  const { pool, workers, tell } = world();
  const backend = pool.add({ address: ADDRESS });
  pool.beat(backend, "answered");
  tell();
  const [one, two] = workers;
  const lease = one.take();
  one.pool.failed(lease);
  lease[Symbol.dispose]();
  tell();
  assertEquals([backend.counters.connectFailures, backend.health.missed > 0], [1, true]);
  pool.beat(backend, "sent");
  pool.beat(backend, "overdue");
  tell();
  assertEquals([backend.state(), two.pool.find(backend.name)?.state()], ["down", "down"]);
  assertEquals(two.pool.acquire(CLIENT), undefined);
});

test("a backend that comes back under its name is another one, whose connections are its own", () => {
  const { pool, workers, tell } = world();
  const first = pool.add({ address: ADDRESS });
  tell();
  const lease = workers[0].take();
  tell();
  pool.remove(first.name);
  const second = pool.add({ address: ADDRESS });
  tell();
  workers[0].take();
  tell();
  assertEquals([first.active, second.active], [1, 1]);
  assertEquals(
    workers.map(({ gone }) => gone),
    [[first.name], []],
  );
  lease[Symbol.dispose]();
  tell();
  assertEquals([first.active, second.active], [0, 1]);
});

test("others' connections that a worker hears of before it has made the pool count once it has", () => {
  const { roster, workers, tell } = world();
  const late = createPool({ name: "late", policy: "least-connections" });
  roster.follow(late);
  const { name } = late.add({ address: ADDRESS });
  const lateId = roster.poolIds(new Set(["p", "late"])).get("late") ?? 0;
  const [one, two] = workers.map(({ mirror }) => {
    const mirrored = createPool({ name: "late", policy: "least-connections" });
    return { mirrored, adopt: () => mirror.adopt(lateId, mirrored) };
  });
  one?.adopt();
  tell();
  one?.mirrored.acquire(CLIENT);
  tell();
  two?.adopt();
  assertEquals(
    [one, two].map((worker) => worker?.mirrored.find(name)?.active),
    [1, 1],
  );
});
