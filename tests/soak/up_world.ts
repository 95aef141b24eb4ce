import { wait } from "../../src/async/mod.ts";
import { faultProxy } from "../fault_proxy.ts";
import { upCluster } from "../faults/clusters.ts";
import { clientFaults } from "./connection_faults.ts";
import { runtimeOf, type SoakFault, type SoakOptions, type SoakWorld } from "./contract.ts";

const SERVERS = 3;

/** `chorus up` on a data folder. */
export async function upWorld(options: SoakOptions): Promise<SoakWorld> {
  await using opening = new AsyncDisposableStack();
  const up = opening.use(
    await upCluster({ servers: SERVERS, grace: "1s", runtime: () => runtimeOf(options, 0) }),
  );
  const first = opening.use(await faultProxy(up.at(0)));
  const second = opening.use(await faultProxy(up.at(0)));
  const servers = Array.from({ length: SERVERS }, (_, index) => `chat-${index + 1}`);
  const parentFaults: SoakFault[] = [
    {
      name: "parent killed",
      weight: 1,
      target: "up",
      run: (random) => up.killParent(random.between(0, 2000)),
    },
    {
      name: "parent frozen",
      weight: 1,
      target: "up",
      async run(random) {
        up.signalParent("SIGSTOP");
        await wait(random.between(200, 4000));
        up.signalParent("SIGCONT");
      },
    },
    {
      name: "server killed",
      weight: 5,
      target: "up",
      async run(random) {
        await up.signal(random.pick(servers), "SIGKILL").catch(ignoreAbsent);
      },
    },
    {
      name: "server frozen",
      weight: 2,
      target: "up",
      async run(random) {
        const server = random.pick(servers);
        const isThere = await up.signal(server, "SIGSTOP").then(() => true, ignoreAbsent);
        await wait(random.between(200, 5000));
        if (isThere) await up.signal(server, "SIGCONT").catch(ignoreAbsent);
      },
    },
  ];
  const opened = opening.move();
  return {
    addresses: [first.address, second.address],
    faults: [
      ...parentFaults,
      ...clientFaults(first, "the first proxy"),
      ...clientFaults(second, "the second proxy"),
    ],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A child that has just been killed is started again after a moment, and cannot be killed before. */
function ignoreAbsent(error: unknown): boolean {
  if (error instanceof Error && error.message.startsWith("there is no child")) return false;
  throw error;
}
