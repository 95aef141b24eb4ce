/** Which sessions are asked for; what is absent excludes none. */
export interface SessionFilter {
  /** Those of this user. */
  readonly user?: string;
}

/** How the sessions of a user are ended. */
export interface SessionsEnd {
  /** Whether their logins are worth nothing afterwards: to come back they need the password. */
  readonly revoke: boolean;
}

/** One logged-in client, of `/api/sessions`. */
export interface SessionView {
  /** Names it for `DELETE /api/sessions/ID`. */
  readonly id: string;
  /** The server that it is on, by its id. */
  readonly server: string;
  /** The name that it is logged in by. */
  readonly user: string;
  /** Which of the user's devices it is. */
  readonly device: string;
  /** The client's address, without its port. */
  readonly client: string;
  /** Since it connected, in milliseconds. */
  readonly ageMs: number;
  /** Since the client last said something, in milliseconds. */
  readonly idleMs: number;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  /** Bytes sent to the client so far. */
  readonly sentBytes: number;
}

/** One chat server, as it counts for itself. */
export interface ServerView {
  /** Its id. */
  readonly name: string;
  /** Clients that it has, logged in or not. */
  readonly connections: number;
  /** Those that are logged in. */
  readonly sessions: number;
  /** Messages that it has stored. */
  readonly received: number;
  /** Inbox entries written to clients. */
  readonly delivered: number;
  /** Whether it sends its clients elsewhere. */
  readonly draining: boolean;
}
