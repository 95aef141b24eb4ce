import { Buffer } from "node:buffer";
import type { Driver } from "../../net/mod.ts";
import type { Probe } from "./contract.ts";
import { converse } from "./conversation.ts";

/** Options for {@linkcode sendExpectProbe}. */
export interface SendExpectOptions {
  /** What is sent, such as `PING\r\n`. @default {nothing} */
  readonly send?: string;
  /** What the answer must hold, such as `+PONG`. */
  readonly expect: string;
}

/** A probe that sends a text and waits until the answer holds another one. */
export function sendExpectProbe(driver: Driver, options: SendExpectOptions): Probe {
  const send = Buffer.from(options.send ?? "");
  const expected = Buffer.from(options.expect);
  return async (backend, probeOptions) => {
    const judge = (answer: Buffer) =>
      answer.includes(expected) ? ({ verdict: "right" } as const) : ({ verdict: "more" } as const);
    await converse(driver, backend.address, { send, judge }, probeOptions);
    return {};
  };
}
