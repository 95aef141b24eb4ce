let open = 0;
let held = 0;

/**
 * Sockets of ours that are open: connections, dials under way and listeners, of every driver. For tests and metrics.
 *
 * A socket of {@linkcode listenPaused} counts from when it is adopted; until then it is one of {@linkcode heldSockets}.
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

/** Sockets that were accepted here and belong to whoever took them, such as those on their way to another process. */
export function heldSockets(): number {
  return held;
}

/** Counts one more of them. @returns Counts it no longer; more calls change nothing. */
export function holdSocket(): () => void {
  let isHeld = true;
  held += 1;
  return () => {
    if (isHeld) held -= 1;
    isHeld = false;
  };
}
