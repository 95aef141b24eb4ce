/** What happens on a connection to a server, as {@linkcode ChatClient} uses it. */
export interface DialHandler {
  /** Bytes came, be they a whole frame or not; before `line`. Not called where the carrier does not tell. */
  heard(): void;
  /** One frame, without its newline. */
  line(json: string): void;
  /** It is over; nothing follows. Once. */
  close(): void;
}

/** A connection to a server, whatever carries it. */
export interface ServerLink {
  /** Sends one frame, without its newline. Dropped once the link is closed. */
  write(json: string): void;
  /** Ends it, after what was sent and in order; the handler's `close` follows. */
  close(): void;
  /** Ends it at once, because nobody is there any more; the handler's `close` follows. */
  abort(): void;
}

/**
 * Connects to a server: one try.
 *
 * @throws Whatever says that it did not work; the client tries again. The signal's reason when aborted.
 */
export type Dial = (handler: DialHandler, signal: AbortSignal) => Promise<ServerLink>;
