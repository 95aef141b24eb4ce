import { readFileSync } from "node:fs";
import { openHandles } from "./handles.ts";

let limit: number | undefined;

/**
 * How many files, and so sockets, this process may have open at once; `Infinity` where nobody tells (elsewhere than on Linux).
 *
 * The soft limit, which Node and Deno have raised to the hard one when they started. Read once.
 */
export function descriptorLimit(): number {
  limit ??= readLimit();
  return limit;
}

function readLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = Number(/^Max open files +(?<soft>\d+)/m.exec(limits)?.groups?.soft);
    return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** How many of them sockets of ours take now. Costs nothing. */
export function openDescriptors(): number {
  return openHandles();
}
