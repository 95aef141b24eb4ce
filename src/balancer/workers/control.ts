import type { Operations } from "../control/operations.ts";
import type { Workers } from "./workers.ts";

/** What operators ask of a balancer that has workers: the answers hold what all of them have. */
export interface WorkedOperations {
  pools(): Promise<ReturnType<Operations["pools"]>>;
  frontends(): Promise<ReturnType<Operations["frontends"]>>;
  drains(): Promise<ReturnType<Operations["drains"]>>;
  metrics(): Promise<ReturnType<Operations["metrics"]>>;
  connections(
    ...asked: Parameters<Operations["connections"]>
  ): Promise<ReturnType<Operations["connections"]>>;
  closeConnection(id: string): Promise<ReturnType<Operations["closeConnection"]>>;
}

/** Makes the operations of a balancer ask its workers first. All others, which change something, are the same. */
export function workedOperations(operations: Operations, workers: Workers): WorkedOperations {
  // They are about to be replaced in the very object.
  const pools = operations.pools.bind(operations);
  const frontends = operations.frontends.bind(operations);
  const drains = operations.drains.bind(operations);
  const metrics = operations.metrics.bind(operations);
  const connections = operations.connections.bind(operations);
  const closeConnection = operations.closeConnection.bind(operations);
  async function fresh<T>(look: () => T): Promise<T> {
    await workers.refresh();
    return look();
  }
  return {
    pools: () => fresh(pools),
    frontends: () => fresh(frontends),
    drains: () => fresh(drains),
    metrics: () => fresh(metrics),
    async connections(filter, limit) {
      const here = connections(filter, limit);
      return [...here, ...(await workers.connections(filter, limit))].slice(0, limit);
    },
    async closeConnection(id) {
      return (await workers.closeConnection(id)) ? { ok: true } : closeConnection(id);
    },
  };
}
