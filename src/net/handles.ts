let open = 0;

/**
 * Sockets of ours that are open: connections, dials under way and listeners, of every driver. For tests and metrics.
 *
 * A socket of {@linkcode listenPaused} counts from when it is adopted; until then it belongs to whoever took it.
 */
export function openHandles(): number {
  return open;
}

/** Counts one more open socket. */
export function handleOpened(): void {
  open += 1;
}

/** Counts one less; called exactly once for each {@linkcode handleOpened}. */
export function handleClosed(): void {
  open -= 1;
}
