/**
 * Why a client was not served: it never reached a backend.
 *
 * - `denied`: its address is not allowed.
 * - `frontend_full`, `client_full`: the frontend, or the client's address, has as many connections as it may have.
 * - `descriptors`: the process can open no more files.
 * - `proxy_header`: a PROXY header was asked for and is missing, wrong or too late; or it came from an address that is not trusted.
 * - `loop`: it has been through this balancer before.
 * - `tls`: no TLS session came about.
 * - `no_backend`: none may take it. `connect_failed`: those that were tried refused.
 * - `queue_full`, `queue_timeout`: all backends are full, and so is the queue, or waiting took too long.
 * - `draining`: the frontend or its pool takes no new clients.
 * - `client_left`: it was gone before it was served.
 */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Every {@linkcode RefusalReason}. */
export const REFUSAL_REASONS = [
  "denied",
  "frontend_full",
  "client_full",
  "descriptors",
  "proxy_header",
  "loop",
  "tls",
  "no_backend",
  "connect_failed",
  "queue_full",
  "queue_timeout",
  "draining",
  "client_left",
] as const;

/**
 * Why we ended a connection that was served.
 *
 * - `idle_timeout`, `half_close_timeout`: nothing moved for too long. `max_age`: it was as old as it may become.
 * - `backend_down`, `backend_removed`, `backend_up`, `backup_released`: what was asked for when a backend went down, was removed, came
 *   back, or when a regular backend came back for a backup.
 * - `rebalanced`: to even out the load. `drained`: its drain was over.
 * - `operator`: somebody closed it. `shutdown`: the frontend stopped.
 */
export type ClosingReason = (typeof CLOSING_REASONS)[number];

/** Every {@linkcode ClosingReason}. */
export const CLOSING_REASONS = [
  "idle_timeout",
  "half_close_timeout",
  "max_age",
  "backend_down",
  "backend_removed",
  "backend_up",
  "backup_released",
  "rebalanced",
  "drained",
  "operator",
  "shutdown",
] as const;

/**
 * Why a connection that was served is over: in order, by one side, by us, or `failed` for anything else.
 *
 * A side that closes or resets is named: `client_reset`, `backend_reset`; and one whose system answers no more: `client_lost`, `backend_lost`.
 */
export type EndReason =
  | "finished"
  | "client_reset"
  | "backend_reset"
  | "client_lost"
  | "backend_lost"
  | "failed"
  | ClosingReason;

/** Every {@linkcode EndReason}. */
export const END_REASONS: readonly EndReason[] = [
  "finished",
  "client_reset",
  "backend_reset",
  "client_lost",
  "backend_lost",
  "failed",
  ...CLOSING_REASONS,
];
