/** What one client may take of a server. An absent limit is off. */
export interface ChatLimits {
  /** For how long a connection may be without a login, in milliseconds. */
  readonly loginTimeoutMs: number | undefined;
  /** For how long a client may be silent, in milliseconds. */
  readonly idleMs: number | undefined;
  /** Messages a second for each session; twice as many at once. */
  readonly messagesPerSecond: number | undefined;
  /** Connections of one address. */
  readonly connectionsPerHost: number | undefined;
  /** Frames that wait for a client that does not read, before the rest waits in its inbox. */
  readonly queueFrames: number;
  /** New accounts a minute from one address. */
  readonly registersPerMinute: number | undefined;
  /** Failed logins of a name, or four times as many from an address, after which further tries with a password are slowed down; at most 200. Tokens never are. */
  readonly loginFailures: number | undefined;
}

/** The limits unless told otherwise. */
export const DEFAULT_LIMITS: ChatLimits = {
  loginTimeoutMs: 10_000,
  idleMs: 90_000,
  messagesPerSecond: 20,
  connectionsPerHost: 1000,
  queueFrames: 256,
  registersPerMinute: 5,
  loginFailures: 5,
};

/** Bytes that wait for a client that does not read, before the rest waits in its inbox. */
export const MAX_QUEUED_BYTES = 1_048_576;
/** For how long a client with frames waiting may take none of them, in milliseconds. */
export const SLOW_MS = 60_000;
