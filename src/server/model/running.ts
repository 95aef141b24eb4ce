import type { Address } from "../../net/mod.ts";
import { GRACE_MS, type ModelOptions, type ModelServer } from "./contract.ts";

/** What a model has started, as its server ends it. */
export interface Started {
  readonly address: Address;
  connections(): number;
  /** Stops, lets what is under way finish for `graceMs`, ends the rest. Never rejects. */
  stop(graceMs: number): Promise<void>;
  /** Ends what is under way at once; `stop` is then quick. */
  abort(): void;
}

/** Makes the server of what a model has started. */
export function running(started: Started, { graceMs = GRACE_MS, signal }: ModelOptions): ModelServer {
  const { promise: closed, resolve } = Promise.withResolvers<"closed" | "aborted">();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= stop();
    return closing;
  };
  async function stop(): Promise<void> {
    await started.stop(signal?.aborted ? 0 : graceMs);
    signal?.removeEventListener("abort", onAbort);
    resolve(signal?.aborted ? "aborted" : "closed");
  }
  function onAbort(): void {
    started.abort();
    // Owned by `closed`.
    void close();
  }
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  return {
    address: started.address,
    get connections() {
      return started.connections();
    },
    close,
    closed,
    [Symbol.asyncDispose]: close,
  };
}

/** Checks a number among the options. @throws {RangeError} */
export function wholeNumber(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot start a server: ${name} must be a whole number from 1, received ${value}`);
}
