import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { openHandles } from "./handles.ts";

/** The longest that a shell may take to answer, in milliseconds. */
const ASK_MS = 2000;

let limit: number | undefined;

/**
 * How many files, and so sockets, this process may have open at once; `Infinity` where nobody tells.
 *
 * The soft limit, which Node and Deno have raised to the hard one when they started. Read once; where the system's own file about it may
 * not be read, which Deno only allows a program that may do everything, a shell is asked.
 */
export function descriptorLimit(): number {
  limit ??= readLimit() ?? askShell() ?? Number.POSITIVE_INFINITY;
  return limit;
}

/** What Linux tells of this process; undefined where it may not be read. */
function readLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return toNumber(/^Max open files +(?<soft>\S+)/m.exec(limits)?.groups?.soft);
  } catch {
    return undefined;
  }
}

/** A child has the limits of its parent. */
function askShell(): number | undefined {
  try {
    return toNumber(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8", timeout: ASK_MS }).trim());
  } catch {
    return undefined;
  }
}

function toNumber(text: string | undefined): number | undefined {
  const number = text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
  return Number.isNaN(number) ? undefined : number;
}

/** How many of them sockets of ours take now. Costs nothing. */
export function openDescriptors(): number {
  return openHandles();
}
