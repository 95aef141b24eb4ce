/**
 * The balancer: frontends, pools, policies, heartbeats, discovery.
 *
 * @module
 */
export type { Backend, BackendSnapshot, BackendSpec } from "./backend.ts";
export type { BackendState, Candidate, Client, Policy, PolicyName } from "./contract.ts";
export { watchRegistry } from "./discovery/registry_source.ts";
export type { Frontend, FrontendHandler, RefusalReason } from "./frontend/frontend.ts";
export { startHandOverFrontend } from "./frontend/hand_over_frontend.ts";
export { type SpliceFrontendOptions, startSpliceFrontend } from "./frontend/splice_frontend.ts";
export { beat, type Health, type HeartbeatEvent, type HeartbeatOptions } from "./heartbeat.ts";
export { type Monitor, type MonitorOptions, monitor } from "./monitor.ts";
export { policies } from "./policy/policies.ts";
export {
  createPool,
  type DispatchName,
  type Lease,
  type Pool,
  type PoolOptions,
  type PoolSnapshot,
} from "./pool.ts";
export {
  chatProbe,
  type HttpProbeOptions,
  httpProbe,
  noProbe,
  type Probe,
  type ProbeAnswer,
  type ProbeOptions,
  type SendExpectOptions,
  sendExpectProbe,
  tcpProbe,
} from "./probe/mod.ts";
