import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { systemClock } from "../async/mod.ts";
import { heldSockets, openHandles } from "./handles.ts";

/**
 * Listeners leave this many descriptors unused, or a tenth of all where that is less: for files, dials and accepting itself.
 *
 * On Deno `node:net` accepts all that waits before it tells of the first, and once there is no descriptor for one of them it never
 * accepts again: there as many are left as are likely to wait.
 */
const KEPT = process.versions.deno === undefined ? 32 : 1024;
/** From this part of the limit on, what else takes descriptors is counted again. */
const CROWDED = 0.8;
/** How often that is, in milliseconds: on Linux before 6.2 it takes some milliseconds for a thousand of them. */
const COUNT_EVERY_MS = 2000;

/** Descriptors that are not sockets of ours, where nobody tells. */
const GUESSED_OTHERS = 32;

let limit: number | undefined;
let others: number | undefined;
let countedAt = 0;

/**
 * How many files, and so sockets, this process may have open at once; `Infinity` where nobody tells.
 *
 * The soft limit, which the runtimes raise to the hard one when they start. Found out once: Linux tells at once, elsewhere and on
 * Deno, which lets nobody read below `/proc` without all permissions, a shell does in some milliseconds.
 *
 * @example How many clients a proxy can have, each of whom takes two sockets
 * ```ts
 * import assert from "node:assert/strict";
 * import { descriptorLimit } from "chorus";
 *
 * const maxClients = Math.min(10_000, Math.floor(descriptorLimit() / 2));
 * assert(maxClients > 0);
 * ```
 */
export function descriptorLimit(): number {
  limit ??= readLimit();
  return limit;
}

/** How many connections a process can accept that does little else, before listeners turn clients away; `Infinity` where nobody tells. */
export function acceptableConnections(): number {
  const most = descriptorLimit();
  if (most === Number.POSITIVE_INFINITY) return most;
  return Math.max(1, most - kept(most) - GUESSED_OTHERS);
}

/** How many of them sockets of ours take now. Costs nothing. */
export function openDescriptors(): number {
  return openHandles();
}

/** Whether none is left but those that listeners leave. */
export function isOutOfDescriptors(): boolean {
  const most = descriptorLimit();
  if (most === Number.POSITIVE_INFINITY) return false;
  const open = openHandles() + heldSockets();
  if (
    others === undefined ||
    (open + others > most * CROWDED && systemClock.now() - countedAt >= COUNT_EVERY_MS)
  ) {
    others = countOthers();
    countedAt = systemClock.now();
  }
  return open + others >= most - kept(most);
}

/** How many listeners leave unused. */
function kept(most: number): number {
  return Math.min(KEPT, Math.floor(most / 10));
}

function readLimit(): number {
  const soft = Number(softLimit());
  return Number.isInteger(soft) && soft > 0 ? soft : Number.POSITIVE_INFINITY;
}

function softLimit(): string | undefined {
  try {
    return /^Max open files +(?<soft>\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.groups?.soft;
  } catch {
    // What a shell is started with is what its parent has.
    return spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8", timeout: 1000 }).stdout?.trim();
  }
}

function countOthers(): number {
  try {
    return (statSync("/proc/self/fd").size || readdirSync("/proc/self/fd").length) - openHandles();
  } catch {
    return GUESSED_OTHERS;
  }
}
