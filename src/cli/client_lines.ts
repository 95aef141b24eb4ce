import type { Interface } from "node:readline";

/** Lines that wait to be read before the input is stopped; those of its last chunk still come. */
const MAX_WAITING = 1000;

/** The lines of a terminal, kept from the start: what comes while nobody reads is not lost. */
export interface TypedLines extends AsyncIterable<string> {
  /** Whether the input has ended; lines may still wait. */
  readonly isOver: boolean;
  /** Resolves when it has. */
  readonly over: Promise<void>;
}

/** Collects the lines of a terminal. Its own iterator would lose what came before the first read. */
export function typedLines(terminal: Interface): TypedLines {
  const waiting: string[] = [];
  let isOver = false;
  let isStopped = false;
  const over = Promise.withResolvers<void>();
  let more = Promise.withResolvers<void>();

  function wake(): void {
    more.resolve();
    more = Promise.withResolvers();
  }
  terminal.on("line", (line) => {
    waiting.push(line);
    if (waiting.length >= MAX_WAITING && !isStopped) {
      isStopped = true;
      terminal.pause();
    }
    wake();
  });
  terminal.once("close", () => {
    isOver = true;
    over.resolve();
    wake();
  });
  return {
    get isOver() {
      return isOver;
    },
    over: over.promise,
    async *[Symbol.asyncIterator]() {
      while (true) {
        const batch = waiting.splice(0);
        if (isStopped && !isOver) {
          isStopped = false;
          terminal.resume();
        }
        yield* batch;
        if (waiting.length > 0) continue;
        if (isOver) return;
        await more.promise;
      }
    },
  };
}
