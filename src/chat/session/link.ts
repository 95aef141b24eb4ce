/**
 * A client's connection as a session uses it, whatever carries it: lines out, the flow of lines in. What comes in is given to
 * the session by whoever made the link.
 */
export interface Link {
  /** The client's address without its port. */
  readonly host: string;
  /** Bytes written that the system has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes that the system has taken so far: as long as it grows, the client reads. */
  readonly takenBytes: number;
  /**
   * Sends one frame with its newline, as text or as UTF-8. Dropped once the link is closed.
   *
   * @returns False while the client does not keep up: it is told by `drained` when all that was queued has gone.
   */
  write(line: string | Uint8Array): boolean;
  /** Stops what comes in, at once. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  close(): void;
  /** Ends it at once: what is queued is lost. */
  abort(): void;
}
