import { backoff, wait } from "../../src/async/mod.ts";
import { type Address, formatAddress } from "../../src/net/mod.ts";
import { type Program, partAddress, startProgram } from "../cli/program.ts";
import { type FaultProxy, faultProxy } from "../fault_proxy.ts";
import { type ServerCluster, serverCluster } from "../faults/clusters.ts";
import { clientFaults, redisConnectionFaults } from "./connection_faults.ts";
import { runtimeOf, type SoakFault, type SoakOptions, type SoakWorld } from "./contract.ts";
import { type Backend, startBackend } from "./redis_backends.ts";

const SERVERS = 3;
const BALANCERS = 2;

/** Two balancers before three chat servers, on one Redis, behind Sentinel, or on a Cluster. */
export async function redisWorld(options: SoakOptions): Promise<SoakWorld> {
  await using opening = new AsyncDisposableStack();
  const backend = opening.use(await startBackend(options.store));
  const redisProxies: FaultProxy[] = [];
  const { target } = backend;
  if (target) {
    for (let turn = 0; turn < SERVERS; turn++)
      redisProxies.push(opening.use(await faultProxy(target, { mark: "subscribe" })));
  }
  const urlOf = (turn: number): string => {
    const proxy = redisProxies[turn];
    return proxy ? `redis://${formatAddress(proxy.address)}` : backend.url;
  };
  const cluster = opening.use(
    await serverCluster({
      servers: SERVERS,
      grace: "2s",
      redis: urlOf,
      runtime: (turn) => runtimeOf(options, turn),
      flags: ["--trusted", "127.0.0.0/8", ...backend.flags],
    }),
  );
  const balancers: RunningBalancer[] = [];
  const clientProxies: FaultProxy[] = [];
  for (let turn = 0; turn < BALANCERS; turn++) {
    const balancer = opening.use(await startBalancer(finding(backend, cluster), options, turn));
    balancers.push(balancer);
    clientProxies.push(opening.use(await faultProxy(balancer.address)));
  }
  const faults = [
    ...backend.faults,
    ...Array.from({ length: SERVERS }, (_, turn) => serverFaults(cluster, turn)).flat(),
    ...balancers.map((balancer, turn) => balancerFault(balancer, turn)),
    ...clientProxies.flatMap((proxy, turn) => clientFaults(proxy, `client proxy ${turn}`)),
    ...redisProxies.flatMap((proxy, turn) => redisConnectionFaults(proxy, `Redis proxy ${turn}`)),
  ];
  const [first, ...others] = clientProxies.map(({ address }) => address);
  if (!first) throw new Error("Cannot start: there is no balancer");
  const opened = opening.move();
  return { addresses: [first, ...others], faults, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

interface RunningBalancer extends AsyncDisposable {
  readonly address: Address;
  /** Kills it and starts it again at its address. */
  replace(pauseMs: number): Promise<void>;
}

/** How a balancer finds the servers: by the registry where it can read it. */
function finding(backend: Backend, cluster: ServerCluster): readonly string[] {
  if (backend.target) return ["--redis", backend.url];
  const servers = Array.from({ length: SERVERS }, (_, turn) => formatAddress(cluster.at(turn)));
  return servers.flatMap((server) => ["--backend", server]);
}

async function startBalancer(
  servers: readonly string[],
  options: SoakOptions,
  turn: number,
): Promise<RunningBalancer> {
  const start = (listen: string): Program =>
    startProgram(
      [
        ...["balance", "--listen", listen, "--admin", "none", ...servers],
        ...["--heartbeat", "chat", "--proxy-protocol", "v2", "--grace", "1s"],
      ],
      { runtime: runtimeOf(options, turn + 1) },
    );
  let program = start("127.0.0.1:0");
  const address = partAddress(await program.ready(), "tcp");
  return {
    address,
    async replace(pauseMs) {
      await program[Symbol.asyncDispose]();
      await wait(pauseMs);
      await untilItStarts(async () => {
        program = start(formatAddress(address));
        await program.ready();
      });
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

function balancerFault(balancer: RunningBalancer, turn: number): SoakFault {
  return {
    name: "balancer killed",
    weight: 1,
    target: `balancer ${turn}`,
    run: (random) => balancer.replace(random.between(0, 2000)),
  };
}

function serverFaults(cluster: ServerCluster, turn: number): SoakFault[] {
  const id = `chat-${turn + 1}`;
  const restart = (): Promise<void> => untilItStarts(() => cluster.restart(turn));
  return [
    {
      name: "server killed",
      weight: 3,
      target: id,
      async run(random) {
        await cluster.signal(id, "SIGKILL");
        await wait(random.between(0, 4000));
        await restart();
      },
    },
    {
      name: "server frozen",
      weight: 2,
      target: id,
      async run(random) {
        await cluster.signal(id, "SIGSTOP");
        await wait(random.between(200, 7000));
        await cluster.signal(id, "SIGCONT");
      },
    },
    {
      name: "server drained",
      weight: 2,
      target: id,
      async run() {
        await cluster.signal(id, "SIGTERM");
        await cluster.program(turn).end();
        await restart();
      },
    },
  ];
}

/** A program that cannot reach its Redis ends; whoever runs it starts it again. */
async function untilItStarts(start: () => Promise<void>): Promise<void> {
  for (const delayMs of backoff({ firstMs: 300, maxMs: 2000 })) {
    try {
      await start();
      return;
    } catch (error) {
      if (!(error instanceof Error) || !/ended with|Cannot see its ready line/.test(error.message))
        throw error;
      await wait(delayMs);
    }
  }
}
