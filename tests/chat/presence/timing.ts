import type { PresenceTiming } from "../../../src/chat/presence/mod.ts";

/** Leases that run out soon, but not while a busy machine is slow. */
export const TIMING: PresenceTiming = { leaseMs: 800, beatMs: 80, graceMs: 1000, claimMs: 400 };
