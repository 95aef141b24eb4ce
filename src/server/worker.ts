import type { Channel } from "./channel.ts";

/** How a process ended: by itself with a code, or by a signal. */
export type Exit = { readonly code: number } | { readonly signal: string };

/** How a worker ended, or why it could not be started: an uncaught error where one is known. */
export type End = Exit | { readonly error: unknown };

/** A child process or a worker thread: it runs beside us, and may crash alone. Whoever started it ends it. */
export interface Worker {
  readonly channel: Channel;
  /** Settles when it has ended. Never rejects. */
  readonly exited: Promise<End>;
  /** Ends it at once; does nothing when it has ended. */
  kill(signal: "SIGKILL"): void;
  /** Whether `kill` ends it even where its event loop does not turn any more. */
  readonly diesHanging: boolean;
}
