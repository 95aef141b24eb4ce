import { descriptorLimit } from "../../net/mod.ts";
import type { BalancerConfiguration } from "../configuration/contract.ts";
import { maxClients, maxWorkedClients } from "../frontend/descriptors.ts";

/** The most workers that are started where nobody has said how many: each takes memory. More have to be asked for. */
const MAX_CHOSEN = 32;
/** The most that can be asked for. */
const MAX_WORKERS = 256;

/** Who serves the clients of a configuration, and how many can be served. */
export interface Capacity {
  /** Processes or threads that serve clients of TCP; 1 where the balancer does itself. */
  readonly workers: number;
  /** Connections for which there are files; Infinity where nobody can tell. */
  readonly connections: number;
  /** What to tell the operator where the clients that are let in cannot all have their files; else undefined. */
  readonly warning: string | undefined;
}

/** Chooses how many workers a configuration needs, where it does not say, and how many connections fit. */
export function capacityOf(configuration: BalancerConfiguration): Capacity {
  const { frontends, workers: wanted } = configuration;
  const asked = askedFor(configuration);
  const needed = Math.ceil(asked / maxWorkedClients());
  const areProcesses = wanted.kind === "processes";
  const chosen = areProcesses && asked > maxClients() && needed <= MAX_CHOSEN ? needed : 1;
  const isOfUse = Array.from(frontends.values()).some(
    ({ transport, listen }) => transport === "tcp" && "host" in listen,
  );
  const workers = isOfUse ? (wanted.count ?? chosen) : 1;
  const processes = areProcesses ? workers : 1;
  const connections = workers > 1 ? processes * maxWorkedClients() : maxClients();
  if (asked <= connections) return { workers, connections, warning: undefined };
  const more = isOfUse && needed <= MAX_WORKERS ? `, or start ${needed} processes (--workers ${needed})` : "";
  const warning = `${asked} connections are asked for, but ${filesOf(processes)}, which is enough for ${connections}; raise the limit (ulimit -n)${more}`;
  return { workers, connections, warning };
}

function filesOf(processes: number): string {
  if (processes === 1) return `this process may open ${descriptorLimit()} files`;
  return `${processes} processes may open ${descriptorLimit()} files each`;
}

function askedFor({ limits, frontends }: BalancerConfiguration): number {
  const perFrontend = Array.from(frontends.values(), ({ access }) => access.maxConnections ?? 0);
  return limits.maxConnections ?? perFrontend.reduce((sum, one) => sum + one, 0);
}
