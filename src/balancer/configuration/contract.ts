import type { Address, AddressList, TcpAddress, TlsVersion } from "../../net/mod.ts";
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
  /** Where it listens, by name. */
  readonly frontends: ReadonlyMap<string, FrontendConfiguration>;
  /** Who serves, by name. */
  readonly pools: ReadonlyMap<string, PoolConfiguration>;
  /** Where operators look. */
  readonly admin: AdminConfiguration;
  /** The Redis of the registry, as a URL that may hold a password. */
  readonly redis: string | undefined;
  /** How it announces itself. Absent: not at all. */
  readonly advertise: AdvertiseConfiguration | undefined;
  /** What this balancer is called on the path of a client. Absent: a random one. */
  readonly nodeId: string | undefined;
  /** Clients of all frontends at once. Absent: what open files allow. */
  readonly limits: { readonly maxConnections: number | undefined };
  /** Who serves the clients of TCP. */
  readonly workers: WorkersConfiguration;
  /** The file of what was changed at run time, absolute. Absent where nothing is to be kept. */
  readonly state: string | undefined;
  /** How long clients may take to leave when it stops. */
  readonly graceMs: number;
  /** How it logs. */
  readonly log: LogConfiguration;
}

/** Where operators look. */
export interface AdminConfiguration {
  /** Absent where the file does not say: the default address, or another port of it where that is taken. */
  readonly listen: TcpAddress | "none" | undefined;
  /** The file of the token that operators show, absolute. Absent: none is asked for. */
  readonly tokenFile: string | undefined;
}

/** Who serves the clients of TCP. */
export interface WorkersConfiguration {
  /** Absent where it follows from `limits.maxConnections` and the open files that a process may have. */
  readonly count: number | undefined;
  /** What each of several workers is. */
  readonly kind: "processes" | "threads";
}

/** How a balancer announces itself to those that stand before it. */
export interface AdvertiseConfiguration {
  /** Where others reach it; port 0 means that of its frontend. */
  readonly address: TcpAddress;
  /** The pool of the registry that it joins. */
  readonly pool: string;
}

/** How to log. What is absent is not said by the file. */
export interface LogConfiguration {
  /** How lines look. */
  readonly format: "json" | "text" | undefined;
  /** The least that is logged. */
  readonly level: "debug" | "info" | "warning" | "error" | undefined;
}

/** Addresses and networks, as they are written and as they are looked up. */
export interface Networks {
  /** As they are written. */
  readonly texts: readonly string[];
  /** As they are looked up. */
  readonly list: AddressList;
}

/** One address to listen on, and what becomes of its clients. */
export interface FrontendConfiguration {
  /** Unique among the frontends. */
  readonly name: string;
  /** Where it listens. */
  readonly listen: Address;
  /** The name of a pool that there is. */
  readonly pool: string;
  /** Streams or datagrams. */
  readonly transport: "tcp" | "udp";
  /** How it ends TLS. Absent: bytes are passed on as they are. */
  readonly tls: FrontendTls | undefined;
  /** Who may say by a PROXY header who the client is. Absent: none is asked for. */
  readonly proxyProtocol: { readonly trusted: Networks } | undefined;
  /** Who may connect, and how often. */
  readonly access: AccessConfiguration;
  /** How long it waits. */
  readonly timeouts: TimeoutConfiguration;
}

/** How a frontend ends TLS. */
export interface FrontendTls {
  /** The first is for clients whose server name no other one has. */
  readonly certificates: readonly CertificateFiles[];
  /** The oldest version that is spoken. */
  readonly minVersion: TlsVersion;
  /** The application protocols that are offered, the best first. Absent: none. */
  readonly alpn: readonly string[] | undefined;
}

/** The files of a certificate and its key, in PEM. */
export interface CertificateFiles {
  /** The certificate and those that signed it, absolute. */
  readonly certificate: string;
  /** Its key, absolute. */
  readonly key: string;
}

/** Who may connect, and how often. */
export interface AccessConfiguration {
  /** Who may. Absent: everybody. */
  readonly allow: Networks | undefined;
  /** Who may not, whatever `allow` says. */
  readonly deny: Networks | undefined;
  /** Connections of the frontend at once. Absent: no limit. */
  readonly maxConnections: number | undefined;
  /** Connections of one client address at once. Absent: no limit. */
  readonly maxConnectionsPerClient: number | undefined;
}

/** How long a frontend waits. `sessionMs` is for UDP alone, the others are for TCP alone. */
export interface TimeoutConfiguration {
  /** A connection where nothing moves for so long is closed. */
  readonly idleMs: number;
  /** A connection is closed so long after one side has ended. */
  readonly halfCloseMs: number;
  /** The longest wait for first bytes. */
  readonly prereadMs: number;
  /** A UDP session in which no datagram comes for so long is over. */
  readonly sessionMs: number;
}

/** The backends that serve one purpose, where they come from and how they are treated. */
export interface PoolConfiguration {
  /** Unique among the pools. */
  readonly name: string;
  /** Who gets the next client. */
  readonly policy: PolicyName;
  /** Where the policy `key-hash` looks; absent for every other policy. */
  readonly key: KeySource | undefined;
  /** Who picks for a client without a key. */
  readonly fallback: PolicyName;
  /** Those that the file names. */
  readonly backends: readonly BackendConfiguration[];
  /** A file that lists backends, absolute. */
  readonly file: string | undefined;
  /** A name whose addresses or services are backends. */
  readonly dns: DnsConfiguration | undefined;
  /** The pool of the registry whose servers it takes. */
  readonly registry: string | undefined;
  /** How its backends are probed. */
  readonly heartbeat: HeartbeatConfiguration;
  /** How they are spoken to in TLS. Absent: plain. */
  readonly tls: PoolTls | undefined;
  /** The version of the PROXY protocol that backends are spoken to in. Absent: only to those that announce it. */
  readonly proxyProtocol: 1 | 2 | undefined;
  /** The longest that connecting to a backend may take. */
  readonly connectTimeoutMs: number;
  /** Who waits while all backends are full, and for how long. */
  readonly queue: { readonly limit: number; readonly timeoutMs: number };
  /** How long a backend that comes up takes to get its full share. Absent: none. */
  readonly slowStartMs: number | undefined;
  /** What becomes of its connections. */
  readonly connections: ConnectionsConfiguration;
}

/** One server that a pool names. */
export interface BackendConfiguration {
  /** Unique in its pool. */
  readonly name: string;
  /** Where it is. */
  readonly address: Address;
  /** Its share of new clients compared with others; with 0 it takes none. */
  readonly weight: number;
  /** Whether it serves only when no other can. */
  readonly backup: boolean;
  /** Connections that it has at once. Absent: no limit. */
  readonly maxConnections: number | undefined;
}

/** A name whose addresses, or whose services, are backends. */
export interface DnsConfiguration {
  /** The name that is looked up. */
  readonly name: string;
  /** Addresses (A and AAAA) or services (SRV). */
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
  /** What is asked. */
  readonly kind: HeartbeatKind;
  /** Between two probes of a backend that is up. */
  readonly intervalMs: number;
  /** The same while it is new, suspect or rising. */
  readonly fastIntervalMs: number | undefined;
  /** The same while it is down. */
  readonly downIntervalMs: number | undefined;
  /** How long an answer may take. */
  readonly timeoutMs: number | undefined;
  /** Missing answers that bring it down. */
  readonly threshold: number;
  /** Answers in a row that bring it up again. */
  readonly rise: number;
  /** What `http` asks for. */
  readonly path: string | undefined;
  /** The host that `http` names. */
  readonly host: string | undefined;
  /** The status codes that `http` takes for an answer. */
  readonly statuses: readonly number[] | undefined;
  /** What `send-expect` or `udp` sends. */
  readonly send: string | undefined;
  /** What the answer has to hold. */
  readonly expect: string | undefined;
}

/** How a pool's backends are spoken to in TLS. */
export interface PoolTls {
  /** What the certificate must name. Absent: the backend's host. */
  readonly serverName: string | undefined;
  /** The file of those who may have signed the certificate. Absent: whom the runtime trusts. */
  readonly ca: string | undefined;
  /** Whether the certificate is checked. */
  readonly verify: boolean;
  /** Our own certificate, for backends that ask for one. */
  readonly identity: CertificateFiles | undefined;
  /** The oldest version that is spoken. */
  readonly minVersion: TlsVersion;
  /** The application protocols that are offered, the best first. Absent: none. */
  readonly alpn: readonly string[] | undefined;
}

/** What becomes of a pool's connections. */
export interface ConnectionsConfiguration {
  /** When their backend goes down. */
  readonly onDown: Fate;
  /** When their backend is removed. */
  readonly onRemoved: Fate;
  /** When their backend comes back: those that it had before. */
  readonly onUp: Fate;
  /** When a regular backend is up again: those on backups. */
  readonly onBackup: Fate;
  /** A connection that is so old is closed. Absent: none. */
  readonly maxAgeMs: number | undefined;
  /** How many of the longest-idle ones are closed in a second after a backend came. Absent: none. */
  readonly rebalancePerSecond: number | undefined;
  /** The deadline of a drain for which none was given. */
  readonly drainMs: number;
}
