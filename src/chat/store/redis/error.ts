import { DeadlineError } from "../../../async/mod.ts";
import { RedisError } from "../../../redis/mod.ts";
import { StoreError } from "../contract.ts";

/** Wraps what went wrong between us and Redis while doing `action`, such as `read from Redis`. */
export function toStoreError(cause: unknown, action: string): StoreError {
  if (cause instanceof StoreError) return cause;
  if (cause instanceof RedisError && cause.code === "bad_url") {
    return new StoreError("unsuitable", cause.message, { cause });
  }
  if (cause instanceof SyntaxError) {
    return new StoreError("damaged", `Cannot ${action}: an entry is no JSON`, { cause });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StoreError("unavailable", `Cannot ${action}: ${message}`, { cause });
}

/** Whether Redis is not there, or does not answer, which the connection tells; a refusal is an answer. */
export function isSilence(cause: unknown): boolean {
  if (cause instanceof DeadlineError) return true;
  return cause instanceof RedisError && (cause.code === "timeout" || cause.code === "unreachable");
}

/** Whether Redis does nothing for anybody now: no fault of what it was asked for. */
export function isOutage(cause: unknown): boolean {
  return isSilence(cause) || (cause instanceof RedisError && cause.code === "unwritable");
}
