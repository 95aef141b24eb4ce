let open = 0;

/** Sockets of ours that are open: connections, dials under way and listeners. For tests and metrics. */
export function openHandles(): number {
  return open;
}

/** Counts a socket as open until the returned function is called, which counts once. */
export function countHandle(): () => void {
  open += 1;
  let counted = true;
  return () => {
    if (counted) open -= 1;
    counted = false;
  };
}
