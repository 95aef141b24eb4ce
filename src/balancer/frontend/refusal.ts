import type { RefusalReason } from "../end_reason.ts";

/** Why a client is not served, and what there is to say about it. */
export class Refusal {
  readonly reason: RefusalReason;
  /** What was found and what is allowed, where the reason alone does not tell. */
  readonly detail: string | undefined;

  constructor(reason: RefusalReason, detail?: string) {
    this.reason = reason;
    this.detail = detail;
  }
}
