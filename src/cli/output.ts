import process from "node:process";

/**
 * Aborted when nobody reads standard output any more, as after `chorus status | head -1`.
 *
 * That is no failure: there is nobody left to tell. To be called once, before anything is written.
 */
export function unread(): AbortSignal {
  const gone = new AbortController();
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // EIO: a terminal that was closed.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    gone.abort();
  });
  return gone.signal;
}

/** Writes lines to standard output, and resolves when the system has them: a program that ends at once would lose them. */
export async function writeLines(lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await new Promise<void>((resolve) => {
    // What fails is told by the stream's event.
    process.stdout.write(`${lines.join("\n")}\n`, () => resolve());
  });
}
