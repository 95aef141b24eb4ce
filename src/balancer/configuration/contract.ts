import type { Address, AddressList, TcpAddress } from "../../net/mod.ts";
import type { Fate } from "../connection/fates.ts";
import type { KeySource, PolicyName } from "../contract.ts";

/**
 * What a configuration file says, ready to use: defaults filled in, times in milliseconds, files by their absolute paths.
 *
 * Plain values that never change: another configuration is another object.
 */
export interface BalancerConfiguration {
  /** The text that it was read from, as it was parsed. */
  readonly text: string;
  /** The file it was read from, absolute. */
  readonly file: string;
  readonly frontends: ReadonlyMap<string, FrontendConfiguration>;
  readonly pools: ReadonlyMap<string, PoolConfiguration>;
  readonly admin: AdminConfiguration;
  /** The Redis of the registry, as a URL that may hold a password. */
  readonly redis: string | undefined;
  readonly advertise: AdvertiseConfiguration | undefined;
  /** What this balancer is called on the path of a client. Absent: a random one. */
  readonly nodeId: string | undefined;
  readonly limits: { readonly maxConnections: number | undefined };
  readonly workers: WorkersConfiguration;
  /** The file of what was changed at run time, absolute. Absent where nothing is to be kept. */
  readonly state: string | undefined;
  /** How long clients may take to leave when it stops. */
  readonly graceMs: number;
  readonly log: LogConfiguration;
}

/** Where operators look. */
export interface AdminConfiguration {
  /** Absent where the file does not say: the default address, or another port of it where that is taken. */
  readonly listen: TcpAddress | "none" | undefined;
  readonly tokenFile: string | undefined;
}

/** Who serves the clients of TCP. */
export interface WorkersConfiguration {
  /** Absent where it follows from `limits.maxConnections` and the open files that a process may have. */
  readonly count: number | undefined;
  readonly kind: "processes" | "threads";
}

/** How a balancer announces itself to those that stand before it. */
export interface AdvertiseConfiguration {
  readonly address: TcpAddress;
  readonly pool: string;
}

/** How to log. What is absent is not said by the file. */
export interface LogConfiguration {
  readonly format: "json" | "text" | undefined;
  readonly level: "debug" | "info" | "warning" | "error" | undefined;
}

/** Addresses and networks, as they are written and as they are looked up. */
export interface Networks {
  readonly texts: readonly string[];
  readonly list: AddressList;
}

/** One address to listen on, and what becomes of its clients. */
export interface FrontendConfiguration {
  readonly name: string;
  readonly listen: Address;
  /** The name of a pool that there is. */
  readonly pool: string;
  readonly transport: "tcp" | "udp";
  readonly tls: FrontendTls | undefined;
  readonly proxyProtocol: { readonly trusted: Networks } | undefined;
  readonly access: AccessConfiguration;
  readonly timeouts: TimeoutConfiguration;
}

/** How a frontend ends TLS. */
export interface FrontendTls {
  /** The first is for clients whose server name no other one has. */
  readonly certificates: readonly CertificateFiles[];
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[] | undefined;
}

/** The files of a certificate and its key, in PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** The oldest version of TLS that is spoken. */
export type TlsVersion = "1.2" | "1.3";

/** Who may connect, and how often. */
export interface AccessConfiguration {
  readonly allow: Networks | undefined;
  readonly deny: Networks | undefined;
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerClient: number | undefined;
}

/** How long a frontend waits. `sessionMs` is for UDP alone, the others are for TCP alone. */
export interface TimeoutConfiguration {
  readonly idleMs: number;
  readonly halfCloseMs: number;
  readonly prereadMs: number;
  readonly sessionMs: number;
}

/** The backends that serve one purpose, where they come from and how they are treated. */
export interface PoolConfiguration {
  readonly name: string;
  readonly policy: PolicyName;
  /** Where the policy `key-hash` looks; absent for every other policy. */
  readonly key: KeySource | undefined;
  /** Who picks for a client without a key. */
  readonly fallback: PolicyName;
  readonly backends: readonly BackendConfiguration[];
  /** A file that lists backends, absolute. */
  readonly file: string | undefined;
  readonly dns: DnsConfiguration | undefined;
  /** The pool of the registry whose servers it takes. */
  readonly registry: string | undefined;
  readonly heartbeat: HeartbeatConfiguration;
  readonly tls: PoolTls | undefined;
  /** The version of the PROXY protocol that backends are spoken to in. Absent: only to those that announce it. */
  readonly proxyProtocol: 1 | 2 | undefined;
  readonly connectTimeoutMs: number;
  readonly queue: { readonly limit: number; readonly timeoutMs: number };
  readonly slowStartMs: number | undefined;
  readonly connections: ConnectionsConfiguration;
}

/** One server that a pool names. */
export interface BackendConfiguration {
  readonly name: string;
  readonly address: Address;
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number | undefined;
}

/** A name whose addresses, or whose services, are backends. */
export interface DnsConfiguration {
  readonly name: string;
  readonly type: "a" | "srv";
  /** Where the addresses listen; absent for `srv`, which says it itself. */
  readonly port: number | undefined;
  /** Who is asked, by IP address. Absent: whom the system asks. */
  readonly servers: readonly TcpAddress[] | undefined;
}

/** The kinds of heartbeat. */
export type HeartbeatKind = "tcp" | "chat" | "http" | "send-expect" | "udp" | "none";

/** How a pool's backends are probed. What is absent follows from the interval, or is not asked. */
export interface HeartbeatConfiguration {
  readonly kind: HeartbeatKind;
  readonly intervalMs: number;
  readonly fastIntervalMs: number | undefined;
  readonly downIntervalMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly threshold: number;
  readonly rise: number;
  readonly path: string | undefined;
  readonly host: string | undefined;
  readonly statuses: readonly number[] | undefined;
  readonly send: string | undefined;
  readonly expect: string | undefined;
}

/** How a pool's backends are spoken to in TLS. */
export interface PoolTls {
  /** What the certificate must name. Absent: the backend's host. */
  readonly serverName: string | undefined;
  /** The file of those who may have signed the certificate. Absent: whom the runtime trusts. */
  readonly ca: string | undefined;
  readonly verify: boolean;
  readonly identity: CertificateFiles | undefined;
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[] | undefined;
}

/** What becomes of a pool's connections. */
export interface ConnectionsConfiguration {
  readonly onDown: Fate;
  readonly onRemoved: Fate;
  readonly onUp: Fate;
  readonly onBackup: Fate;
  readonly maxAgeMs: number | undefined;
  readonly rebalancePerSecond: number | undefined;
  /** The deadline of a drain for which none was given. */
  readonly drainMs: number;
}
