import { MAX_DEVICES } from "./account.ts";
import {
  DEDUPE_IDS,
  DEDUPE_MS,
  DEVICE_MS,
  LOG_MS,
  MAX_INBOX_BYTES,
  MAX_INBOX_ENTRIES,
  MAX_LOG_ENTRIES,
} from "./contract.ts";
import { MAX_MEMBERS } from "./group.ts";

/** How much a store keeps. */
export interface StoreLimits {
  /** Messages of a conversation; at least 1. @default {MAX_LOG_ENTRIES} */
  readonly logEntries?: number;
  /** For how long a message stays in its log, in milliseconds. @default {LOG_MS} */
  readonly logMs?: number;
  /** Entries of an inbox; at least 1. @default {MAX_INBOX_ENTRIES} */
  readonly inboxEntries?: number;
  /** Bytes of an inbox, about; at least 1. @default {MAX_INBOX_BYTES} */
  readonly inboxBytes?: number;
  /** For how long an unused device holds up the trimming of an inbox, in milliseconds. @default {DEVICE_MS} */
  readonly deviceMs?: number;
  /** For how long a repeated send is recognized at least, in milliseconds. @default {DEDUPE_MS} */
  readonly dedupeMs?: number;
  /** How many ids of a device are recognized; at least 1. @default {DEDUPE_IDS} */
  readonly dedupeIds?: number;
  /** Devices remembered for a user; at least 1. @default {MAX_DEVICES} */
  readonly devices?: number;
  /** Members of a group; at least 1. @default {MAX_MEMBERS} */
  readonly members?: number;
}

const DEFAULTS: Required<StoreLimits> = {
  logEntries: MAX_LOG_ENTRIES,
  logMs: LOG_MS,
  inboxEntries: MAX_INBOX_ENTRIES,
  inboxBytes: MAX_INBOX_BYTES,
  deviceMs: DEVICE_MS,
  dedupeMs: DEDUPE_MS,
  dedupeIds: DEDUPE_IDS,
  devices: MAX_DEVICES,
  members: MAX_MEMBERS,
};

/**
 * Fills in what `limits` leaves out.
 *
 * @throws {RangeError} When a limit is no whole number of at least 1.
 */
export function withDefaults(limits: StoreLimits = {}): Required<StoreLimits> {
  const all = { ...DEFAULTS, ...limits };
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot open store: ${name} must be a whole number of at least 1, received ${value}`,
      );
    }
  }
  return all;
}
