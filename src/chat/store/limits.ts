import { DEDUPE_IDS, DEDUPE_MS, MAX_DEVICES, MAX_INBOX_ENTRIES, MAX_LOG_ENTRIES } from "./contract.ts";

/** How much a store keeps. */
export interface StoreLimits {
  /** Messages of a conversation; at least 1. @default {MAX_LOG_ENTRIES} */
  readonly logEntries?: number;
  /** Entries of an inbox; at least 1. @default {MAX_INBOX_ENTRIES} */
  readonly inboxEntries?: number;
  /** For how long a repeated send is recognized, in milliseconds. @default {DEDUPE_MS} */
  readonly dedupeMs?: number;
  /** How many ids of a device are recognized; at least 1. @default {DEDUPE_IDS} */
  readonly dedupeIds?: number;
  /** Devices remembered for a user; at least 1. @default {MAX_DEVICES} */
  readonly devices?: number;
}

/**
 * Fills in what `limits` leaves out.
 *
 * @throws {RangeError} When a limit is no whole number of at least 1.
 */
export function withDefaults(limits: StoreLimits = {}): Required<StoreLimits> {
  const all: Required<StoreLimits> = {
    logEntries: limits.logEntries ?? MAX_LOG_ENTRIES,
    inboxEntries: limits.inboxEntries ?? MAX_INBOX_ENTRIES,
    dedupeMs: limits.dedupeMs ?? DEDUPE_MS,
    dedupeIds: limits.dedupeIds ?? DEDUPE_IDS,
    devices: limits.devices ?? MAX_DEVICES,
  };
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot open store: ${name} must be a whole number of at least 1, received ${value}`,
      );
    }
  }
  return all;
}
