import { acceptableConnections } from "../net/mod.ts";
import { UsageError } from "./errors.ts";

/** The most workers that are chosen, or may be asked for. */
const MAX_WORKERS = 256;
/** The part of its files that a worker is counted on to use: the system does not spread connections quite evenly. */
const EVEN = 0.95;

/** What is asked for. */
export interface WorkersAsked {
  readonly workers: number | undefined;
  readonly kind: "processes" | "threads";
  readonly maxConnections: number | undefined;
  /** How many connections one process can accept. @default {as its open files allow} */
  readonly room?: number;
}

/** How many workers there are to be, and how many connections fit. */
export interface WorkerCount {
  readonly workers: number;
  /** Threads share the files of one process. `Infinity` where nobody tells, or nobody asked. */
  readonly fitting: number;
}

/**
 * Counts the workers of a server: those that were asked for, else one, or as many processes as it takes to open a file for each
 * connection.
 *
 * @throws {UsageError} When no number of workers can hold that many.
 */
export function countWorkers({ workers, kind, maxConnections, room }: WorkersAsked): WorkerCount {
  if (maxConnections === undefined && (workers ?? 1) === 1)
    return { workers: 1, fitting: Number.POSITIVE_INFINITY };
  const one = room ?? acceptableConnections();
  const isEnough = (maxConnections ?? 1) <= one;
  const count =
    workers ?? (kind === "threads" || isEnough ? 1 : Math.ceil((maxConnections ?? 1) / evenPart(one)));
  if (count > MAX_WORKERS) {
    throw new UsageError(
      `--max-connections: ${maxConnections} are more than ${MAX_WORKERS} workers can hold, each of which may open files for ${one}; raise the limit (ulimit -n)`,
    );
  }
  return { workers: count, fitting: count === 1 || kind === "threads" ? one : evenPart(one) * count };
}

function evenPart(room: number): number {
  return Math.floor(room * EVEN);
}
