import { assert, assertEquals } from "@std/assert";
import { type Monitor, monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import type { ProbeAnswer, ProbeOptions } from "../../../src/balancer/probe/mod.ts";
import { test } from "../../testing.ts";
import { seeded } from "../policy/seeded.ts";
import { StallingClock } from "./monitor_lab.ts";

const BACKENDS = 1000;
/** Probes that an even spread over the interval of 2 s has in 100 ms. */
const EVEN = 50;

/** How backends treat a probe. */
type Manner = "answer" | "refuse" | "ignore";

/** Many backends under a monitor, that all treat probes alike. */
class Herd implements AsyncDisposable {
  readonly clock: StallingClock = new StallingClock();
  readonly pool: Pool;
  readonly monitor: Monitor;
  manner: Manner = "answer";
  /** When probes were sent, in order. */
  readonly #times: number[] = [];

  constructor() {
    const { clock } = this;
    this.pool = createPool({ name: "herd", policy: "round-robin", clock });
    for (let i = 0; i < BACKENDS; i++)
      this.pool.add({ name: `${i}`, address: { host: "10.0.0.1", port: 1 } });
    const probe = (_: unknown, options: ProbeOptions): Promise<ProbeAnswer> => this.#ask(options);
    this.monitor = monitor({ pool: this.pool, probe, clock, random: seeded(1) });
  }

  /** Lets time pass, and promises settle on the way. @returns The most probes that were sent within 100 ms of it. */
  async pass(ms: number): Promise<number> {
    const start = this.clock.now();
    for (let left = ms; left > 0; left -= 5) {
      this.clock.advance(5);
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    }
    return mostIn100Ms(this.#times.filter((time) => time >= start));
  }

  states(): string[] {
    return [...new Set(Array.from(this.pool.backends(), (backend) => backend.state()))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor.close();
  }

  #ask({ timeoutMs }: ProbeOptions): Promise<ProbeAnswer> {
    this.#times.push(this.clock.now());
    if (this.manner === "answer") return Promise.resolve({});
    if (this.manner === "refuse") return Promise.reject(new Error("refused"));
    const { promise, reject } = Promise.withResolvers<ProbeAnswer>();
    this.clock.after(2 * timeoutMs, () => reject(new Error("timed out")));
    return promise;
  }
}

/** The most numbers of a rising list that are within 100 of each other. */
function mostIn100Ms(times: readonly number[]): number {
  let most = 0;
  let from = 0;
  for (const [index, time] of times.entries()) {
    while ((times[from] ?? 0) <= time - 100) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

function assertEven(most: number, factor: number, when: string): void {
  assert(most <= factor * EVEN, `${most} probes in 100 ms ${when}`);
}

for (const manner of ["refuse", "ignore"] as const) {
  test(`1,000 backends are probed evenly before, while and after all of them ${manner} probes`, async () => {
    await using herd = new Herd();
    assertEven(await herd.pass(10_000), 2, "from the start on");
    herd.manner = manner;
    // Twice as often while they are suspect.
    assertEven(await herd.pass(10_000), 3, "while they go down");
    assertEquals(herd.states(), ["down"]);
    assertEven(await herd.pass(8000), 2, "while they are down");
    herd.manner = "answer";
    assertEven(await herd.pass(15_000), 3, "while they come up");
    assertEquals(herd.states(), ["up"]);
    assertEven(await herd.pass(8000), 2, "after they came up");
  });
}

test("1,000 backends whose probes are all due at once, since the process stood still, are probed one after the other", async () => {
  await using herd = new Herd();
  await herd.pass(10_000);
  herd.clock.stall(60_000);
  assertEven(await herd.pass(5000), 3, "after the process stood still");
  assertEven(await herd.pass(8000), 3, "later");
  assertEquals(herd.states(), ["up"]);
});

test("1,000 backends are probed evenly when the interval is changed", async () => {
  await using herd = new Herd();
  herd.pool.configure({ heartbeat: { intervalMs: 20_000 } });
  await herd.pass(40_000);
  herd.pool.configure({ heartbeat: { intervalMs: 2000 } });
  assertEven(await herd.pass(10_000), 3, "after the change");
});
