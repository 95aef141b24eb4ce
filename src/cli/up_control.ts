import type { Control, Outcome } from "../admin/mod.ts";
import { type Balancer, Operations } from "../balancer/mod.ts";
import { formatAddress } from "../net/mod.ts";
import { healthOf } from "./balance.ts";
import { storeHealth } from "./session_desk.ts";
import type { UpDesk } from "./up_desk.ts";

/**
 * What operators see and change of a whole cluster on one machine: its balancer, and the sessions of its servers.
 *
 * @param isOurs Whether one of its servers is at an address: no other can be handed a connection.
 */
export function upControl(balancer: Balancer, desk: UpDesk, isOurs: (address: string) => boolean): Control {
  const operations = new Operations(balancer);
  const balancerMetrics = operations.metrics.bind(operations);
  const addBackend = operations.addBackend.bind(operations);
  return Object.assign(operations, {
    health: () => ({ ...healthOf("up", balancer), ...storeHealth(desk.store) }),
    addBackend(...[pool, added]: Parameters<typeof addBackend>) {
      const isHandedOver = balancer.pools.get(pool)?.pool.dispatch === "hand-over";
      const address = formatAddress(added.address);
      return isHandedOver && !isOurs(address) ? notOurs(pool, address) : addBackend(pool, added);
    },
    sessions: desk.sessions.bind(desk),
    closeSession: desk.closeSession.bind(desk),
    closeUserSessions: desk.closeUserSessions.bind(desk),
    announce: desk.announce.bind(desk),
    servers: desk.servers.bind(desk),
    metrics: async () => [...balancerMetrics(), ...(await desk.metrics())],
  });
}

/** Its heartbeats may be answered: it would be up, and no client would ever come to it. */
function notOurs(pool: string, address: string): Outcome {
  const error = `Cannot add backend: pool "${pool}" hands connections over to the servers of this up, and ${address} is none of them`;
  return { ok: false, status: 409, error };
}
