import process from "node:process";

/** What the stream says when nobody reads it any more: the pipe is closed, the terminal is gone, or it has said so before. */
const UNREAD: ReadonlySet<unknown> = new Set(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]);

/**
 * Ends the program with a sentence when standard output cannot be written, as where the disk is full. That nobody reads it any more is
 * no failure. To be called once, before anything is written.
 */
export function guardOutput(): void {
  process.stdout.on("error", endIfFailed);
}

/** Aborted when nobody reads standard output any more, as after `chorus status | head -1`: there is nobody left to tell. */
export function unread(): AbortSignal {
  const gone = new AbortController();
  process.stdout.on("error", (error) => {
    if (isUnread(error)) gone.abort();
  });
  return gone.signal;
}

/** Writes lines to standard output, and resolves when the system has them: a program that ends at once would lose them. */
export async function writeLines(lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await new Promise<void>((resolve) => write(`${lines.join("\n")}\n`, resolve));
}

/** Writes a line to standard output, for a program that goes on. */
export function writeLine(line: string): void {
  write(`${line}\n`, () => undefined);
}

function write(text: string, written: () => void): void {
  try {
    process.stdout.write(text, (error) => {
      // Before the stream's event: the program might have ended by then.
      endIfFailed(error);
      written();
    });
  } catch (error) {
    // Deno throws what happens to a file.
    endIfFailed(error);
    written();
  }
}

function endIfFailed(error: unknown): void {
  if (!(error instanceof Error) || isUnread(error)) return;
  process.stderr.write(`chorus: Cannot write to standard output: ${error.message}\n`);
  process.exit(1);
}

function isUnread(error: Error): boolean {
  return UNREAD.has((error as NodeJS.ErrnoException).code);
}
