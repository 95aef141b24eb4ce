/**
 * The balancer: frontends, pools, policies, heartbeats, discovery.
 *
 * @module
 */

export type {
  AccessConfiguration,
  AdminConfiguration,
  AdvertiseConfiguration,
  BackendConfiguration,
  BalancerConfiguration,
  CertificateFiles,
  ConnectionsConfiguration,
  DnsConfiguration,
  FrontendConfiguration,
  FrontendTls,
  HeartbeatConfiguration,
  HeartbeatKind,
  LogConfiguration,
  Networks,
  PoolConfiguration,
  PoolTls,
  TimeoutConfiguration,
  WorkersConfiguration,
} from "./configuration/contract.ts";
export { difference, type OtherKey } from "./configuration/difference.ts";
export { parseAmended, parseConfiguration } from "./configuration/parse.ts";
export {
  type ConfigurationProblem,
  formatPath,
  formatProblem,
  type Path,
} from "./configuration/problem.ts";
export {
  openStateFile,
  type StateFile,
  StateFileError,
  type StateFileErrorCode,
} from "./configuration/state_file.ts";
export type { ServedClient, SpreadProgress, TableEntry, TableFilter } from "./connection/contract.ts";
export { type Fate, type Fates, watchFates } from "./connection/fates.ts";
export { isServingState } from "./connection/serving.ts";
export { ConnectionTable } from "./connection/table.ts";
export type { BackendState, Candidate, Client, KeySource, Policy, PolicyName } from "./contract.ts";
export {
  type AddedBackend,
  type OperationOutcome,
  Operations,
  type OperatorChange,
} from "./control/operations.ts";
export type { BackendCounters, FrontendCounters } from "./counters.ts";
export { BACKEND_FORM, parseBackend } from "./discovery/backend_text.ts";
export { type DnsQuery, type DnsSourceOptions, watchDnsSource } from "./discovery/dns_source.ts";
export { DiscoveryError, type DiscoveryErrorCode, type DiscoveryReport } from "./discovery/error.ts";
export { type FileSourceOptions, watchFileSource } from "./discovery/file_source.ts";
export { Membership, type MembershipOptions } from "./discovery/membership.ts";
export { type RegistrySourceOptions, watchRegistry } from "./discovery/registry_source.ts";
export { announceTier, type TierOptions } from "./discovery/tier.ts";
export { type WatchedFile, watchFile } from "./discovery/watch_file.ts";
export {
  CLOSING_REASONS,
  type ClosingReason as ConnectionClosingReason,
  type EndReason,
  REFUSAL_REASONS,
  type RefusalReason,
} from "./end_reason.ts";
export type { AccessSettings } from "./frontend/access.ts";
export type { ClientRoute } from "./frontend/client_route.ts";
export { Dialer, type DialOptions } from "./frontend/dialer.ts";
export type { Frontend, FrontendHandler } from "./frontend/frontend.ts";
export { type HandOverFrontendOptions, startHandOverFrontend } from "./frontend/hand_over_frontend.ts";
export type { FrontendSettings, TimeoutSettings } from "./frontend/settings.ts";
export {
  type SpliceFrontend,
  type SpliceFrontendOptions,
  startSpliceFrontend,
} from "./frontend/splice_frontend.ts";
export { startUdpFrontend, type UdpFrontend, type UdpFrontendOptions } from "./frontend/udp_frontend.ts";
export type { UdpSettings } from "./frontend/udp_settings.ts";
export {
  beat,
  type Health,
  type HeartbeatEvent,
  type HeartbeatOptions,
  UNKNOWN_HEALTH,
  type Verdict,
} from "./heartbeat/heartbeat.ts";
export { type Monitor, type MonitorOptions, monitor } from "./heartbeat/monitor.ts";
export { type PolicyFactory, policies } from "./policy/policies.ts";
export type { AdminState, Backend, BackendChange, BackendSnapshot, BackendSpec } from "./pool/backend.ts";
export {
  createPool,
  type DispatchName,
  type Lease,
  type Pool,
  type PoolChange,
  type PoolHandler,
  type PoolOptions,
  type PoolSnapshot,
  type QueueWaitOptions,
} from "./pool/pool.ts";
export type { QueueOptions } from "./pool/queue.ts";
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
  type UdpProbeOptions,
  udpProbe,
} from "./probe/mod.ts";
export { type Balancer, startBalancer } from "./running/balancer.ts";
export type { BalancerOptions } from "./running/balancer_options.ts";
export { type Capacity, capacityOf } from "./running/capacity.ts";
export { BalancerClosedError } from "./running/closed_error.ts";
export { ConfigurationError } from "./running/configuration_error.ts";
export type { Servers } from "./running/context.ts";
export type { AppliedChanges, NamedChanges } from "./running/plans.ts";
export { checkFiles } from "./running/tls_contexts.ts";
export type { WorkerOrders, WorkerUsage } from "./workers/contract.ts";
export { type WorkedOperations, workedOperations } from "./workers/control.ts";
export { Follower, type FollowerOptions } from "./workers/follower.ts";
export { Workers, type WorkersOptions } from "./workers/workers.ts";
