import type { Control } from "../admin/mod.ts";
import { type Balancer, Operations } from "../balancer/mod.ts";
import { healthOf } from "./balance.ts";
import { storeHealth } from "./session_desk.ts";
import type { UpDesk } from "./up_desk.ts";

/** What operators see and change of a whole cluster on one machine: its balancer, and the sessions of its servers. */
export function upControl(balancer: Balancer, desk: UpDesk): Control {
  const operations = new Operations(balancer);
  const balancerMetrics = operations.metrics.bind(operations);
  return Object.assign(operations, {
    health: () => ({ ...healthOf("up", balancer), ...storeHealth(desk.store) }),
    sessions: desk.sessions.bind(desk),
    closeSession: desk.closeSession.bind(desk),
    closeUserSessions: desk.closeUserSessions.bind(desk),
    announce: desk.announce.bind(desk),
    servers: desk.servers.bind(desk),
    metrics: async () => [...balancerMetrics(), ...(await desk.metrics())],
  });
}
