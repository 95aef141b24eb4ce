import type { Candidate } from "../contract.ts";

/** The share of the clients that a backend is to have now, compared with others. */
export function shareOf({ weight, ramp }: Candidate): number {
  return weight * ramp;
}
