import { wait } from "../../src/async/mod.ts";
import type { FaultProxy, Way } from "../fault_proxy.ts";
import type { SoakFault } from "./contract.ts";

const WAYS: readonly Way[] = ["to_server", "to_client", "both"];

/** What can happen to the clients that come through a proxy. */
export function clientFaults(proxy: FaultProxy, target: string): SoakFault[] {
  return [
    { name: "clients cut", weight: 3, target, run: async () => proxy.cut() },
    { name: "clients stalled", weight: 3, target, run: stalling(proxy, 4000) },
    {
      name: "slow readers",
      weight: 2,
      target,
      async run(random) {
        proxy.stall("to_client");
        await wait(random.between(5000, 15_000));
        proxy.flow();
      },
    },
    { name: "clients delayed", weight: 2, target, run: delaying(proxy, 10, 300) },
    {
      name: "frames torn",
      weight: 3,
      target,
      async run(random) {
        proxy.cutAfter(Math.floor(random.between(1, 5000)));
        await wait(random.between(200, 2000));
        proxy.cut();
      },
    },
    {
      name: "answers lost",
      weight: 3,
      target,
      async run(random) {
        proxy.swallowAnswers();
        await wait(random.between(100, 1500));
        proxy.cut();
      },
    },
    {
      name: "half open",
      weight: 1,
      target,
      run: async (random) => proxy.halfOpen(random.pick(["client", "server"])),
    },
  ];
}

/** What can happen between a chat server and its Redis. */
export function redisConnectionFaults(proxy: FaultProxy, target: string): SoakFault[] {
  return [
    { name: "Redis connections cut", weight: 2, target, run: async () => proxy.cut() },
    { name: "Redis connections stalled", weight: 2, target, run: stalling(proxy, 5000) },
    {
      name: "subscriber silent",
      weight: 1,
      target,
      async run() {
        proxy.stall("both", { only: "marked" });
        // The watchdog makes a new one; this one is of no use any more.
        await wait(15_000);
        proxy.flow();
      },
    },
    { name: "Redis delayed", weight: 1, target, run: delaying(proxy, 5, 200) },
    {
      name: "Redis answers lost",
      weight: 2,
      target,
      async run(random) {
        proxy.swallowAnswers();
        await wait(random.between(50, 1000));
        proxy.cut();
      },
    },
  ];
}

/** Lets nothing through for a while of at most `mostMs`, in a way that is drawn. */
function stalling(proxy: FaultProxy, mostMs: number): SoakFault["run"] {
  return async (random) => {
    proxy.stall(random.pick(WAYS));
    await wait(random.between(200, mostMs));
    proxy.flow();
  };
}

/** Holds everything back for a time between both, for a while. */
function delaying(proxy: FaultProxy, leastMs: number, mostMs: number): SoakFault["run"] {
  return async (random) => {
    proxy.delay(random.between(leastMs, mostMs));
    await wait(random.between(500, 4000));
    proxy.flow();
  };
}
