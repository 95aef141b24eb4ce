/**
 * - `unreachable`: no connection.
 * - `timeout`: no answer within the deadline.
 * - `rejected`: Redis answered with an error.
 * - `closed`: we closed the connection.
 * - `bad_url`: not an address of a Redis.
 */
export type RedisErrorCode = "unreachable" | "timeout" | "rejected" | "closed" | "bad_url";

/** Talking to Redis failed. */
export class RedisError extends Error {
  override readonly name = "RedisError";
  readonly code: RedisErrorCode;

  constructor(code: RedisErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
