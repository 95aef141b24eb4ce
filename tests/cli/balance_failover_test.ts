import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { wait } from "../../src/async/mod.ts";
import type { Address } from "../../src/net/mod.ts";
import { eventually } from "../helpers.ts";
import { test } from "../testing.ts";
import {
  ask,
  type BackendProcess,
  backendProcess,
  type ShownBackend,
  shownBackends,
  type Visit,
} from "./backends.ts";
import { partAddress, startProgram } from "./program.ts";

/** The heartbeats that expect an answer. */
const HEARTBEATS = {
  chat: ["--heartbeat", "chat"],
  http: ["--heartbeat", "http"],
  "send-expect": ["--heartbeat", "send-expect", "--heartbeat-send", "PING\\n", "--heartbeat-expect", "+PONG"],
} as const;
const QUICK = ["--heartbeat-interval", "200ms", "--heartbeat-timeout", "150ms"];

/** Three backends behind a balancer, all of them processes. */
async function balancedProcesses(...flags: string[]) {
  const stack = new AsyncDisposableStack();
  const backends = await Promise.all(["a", "b", "c"].map((name) => backendProcess(name)));
  for (const backend of backends) stack.use(backend);
  const named = backends.flatMap(({ address }) => ["--backend", address]);
  const program = stack.use(
    startProgram(["balance", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", ...named, ...flags]),
  );
  const parts = await program.ready();
  const shown = async (backend: BackendProcess): Promise<ShownBackend> => {
    const found = (await shownBackends(parts.admin))[backend.address];
    assert(found, `${backend.address} is not shown`);
    return found;
  };
  await eventually("all backends up", async () =>
    Object.values(await shownBackends(parts.admin)).every(({ state }) => state === "up"),
  );
  return {
    backends,
    tcp: partAddress(parts, "tcp"),
    shown,
    stateIs: (backend: BackendProcess, state: string) =>
      eventually(`${backend.name} ${state}`, async () => (await shown(backend)).state === state),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** New clients at a steady rate, until told to stop. */
class SteadyClients {
  readonly visits: Visit[] = [];
  readonly #under = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(address: Address, everyMs: number, deadlineMs?: number) {
    this.#running = this.#run(address, everyMs, deadlineMs);
  }

  async #run(address: Address, everyMs: number, deadlineMs?: number): Promise<void> {
    while (!this.#isOver) {
      const visit: Promise<void> = ask(address, deadlineMs).then((outcome) => {
        this.visits.push(outcome);
        this.#under.delete(visit);
      });
      this.#under.add(visit);
      await wait(everyMs);
    }
  }

  async stop(): Promise<readonly Visit[]> {
    this.#isOver = true;
    await this.#running;
    await Promise.all(this.#under);
    return this.visits;
  }
}

function failures(visits: readonly Visit[]): string[] {
  return visits.flatMap((visit) => ("failure" in visit ? [visit.failure] : []));
}

test("while one of three backends is killed and comes back no client fails but those already on it", async () => {
  await using world = await balancedProcesses(...HEARTBEATS["send-expect"], ...QUICK);
  const [victim] = world.backends;
  assert(victim);
  const clients = new SteadyClients(world.tcp, 5);
  await wait(300);
  const onVictim = (await world.shown(victim)).connections;
  await victim.kill();
  await world.stateIs(victim, "down");
  await using _back = await backendProcess("a", Number(victim.address.split(":")[1]));
  await world.stateIs(victim, "up");
  const before = (await world.shown(victim)).total;
  await eventually("new clients on it", async () => (await world.shown(victim)).total > before + 5);
  const visits = await clients.stop();
  const failed = failures(visits);
  assert(failed.length <= onVictim + 2, `${failed.length} of ${visits.length} failed: ${failed}`);
  assert(visits.length > 100, `only ${visits.length} came`);
});

for (const [name, heartbeat] of Object.entries(HEARTBEATS)) {
  test(`a backend frozen by SIGSTOP is found by ${name}, gets no client after that, and comes back`, async () => {
    await using world = await balancedProcesses(...heartbeat, ...QUICK);
    const [victim] = world.backends;
    assert(victim);
    process.kill(victim.pid, "SIGSTOP");
    try {
      const seen = new Set<number>();
      await eventually("down", async () => {
        const { missed, state } = await world.shown(victim);
        seen.add(missed);
        return state === "down";
      });
      assert(seen.has(1) || seen.has(2), `missed did not rise step by step: ${[...seen]}`);
      const down = await world.shown(victim);
      assertEquals(down.missed, 3);
      const clients = new SteadyClients(world.tcp, 5, 2000);
      await wait(300);
      const visits = await clients.stop();
      assertEquals(failures(visits), []);
      assertEquals((await world.shown(victim)).total, down.total);
    } finally {
      process.kill(victim.pid, "SIGCONT");
    }
    await world.stateIs(victim, "up");
  });
}
