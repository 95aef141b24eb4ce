/** The rows of the lists as they come; what a role does not know is absent. */

/** A pool. */
export interface PoolRow {
  readonly key: string;
  readonly name: string;
  readonly policy: string;
  readonly dispatch: string;
  readonly draining?: boolean;
  readonly queued?: number;
  readonly capacity?: number;
}

/** A backend. */
export interface BackendRow {
  readonly key: string;
  readonly pool: string;
  readonly name: string;
  readonly state: string;
  readonly missed: number;
  readonly weight: number;
  readonly connections: number;
  readonly total: number;
  readonly source: string;
  readonly backup: boolean;
  readonly admin?: string;
  readonly maxConnections?: number;
  readonly lastError?: string;
  readonly connectFailures?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  readonly stateSince?: number;
  readonly heartbeats?: string;
  /** Clients that were connected to it, and how long that took in all. */
  readonly connected?: number;
  readonly connectSeconds?: number;
}

/** A frontend. */
export interface FrontendRow {
  readonly key: string;
  readonly name: string;
  readonly address: string;
  readonly protocol: string;
  readonly pool: string;
  readonly draining: boolean;
  readonly connections: number;
  readonly total: number;
  readonly refused: Readonly<Record<string, number>>;
}

/** A chat server. */
export interface ServerRow {
  readonly key: string;
  readonly name: string;
  readonly connections: number;
  readonly sessions: number;
  readonly received: number;
  readonly delivered: number;
  readonly draining: boolean;
}

/** A drain. */
export interface DrainRow {
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  readonly pool?: string;
  readonly total: number;
  readonly left: number;
  readonly remainingMs: number;
}
