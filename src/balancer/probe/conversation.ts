import { Buffer } from "node:buffer";
import type { Address, Driver } from "../../net/mod.ts";
import type { ProbeOptions } from "./contract.ts";

/** The most that is read of an answer, in bytes. */
export const MAX_ANSWER_BYTES = 16_384;

/** What a judge makes of the bytes so far: nothing yet, or that the answer is right, or in words why it is wrong. */
export type Judgement =
  | { readonly verdict: "more" | "right" }
  | { readonly verdict: "wrong"; readonly reason: string };

/** What is said to a backend and what is made of its answer. */
export interface Exchange {
  readonly send: Uint8Array;
  /** Judges the bytes that came so far; `isAll` once the backend has ended. */
  judge(answer: Buffer, isAll: boolean): Judgement;
}

/**
 * Connects, says something, and waits until the answer is judged.
 *
 * @throws {Error} That says what the answer was; {@linkcode NetError} when there is no connection; the signal's reason.
 */
export async function converse(
  driver: Driver,
  address: Address,
  exchange: Exchange,
  { signal, timeoutMs }: ProbeOptions,
): Promise<void> {
  // Late answers count as well: the monitor decides what is overdue.
  const over = AbortSignal.any([signal, AbortSignal.timeout(2 * timeoutMs)]);
  const { promise: judged, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Uint8Array[] = [];
  let bytes = 0;

  function judge(isAll: boolean): void {
    const judgement = exchange.judge(Buffer.concat(chunks), isAll);
    if (judgement.verdict === "right") resolve();
    else if (judgement.verdict === "wrong") reject(new Error(judgement.reason));
    else if (isAll || bytes > MAX_ANSWER_BYTES) {
      reject(
        new Error(
          isAll ? "the answer ended too early" : `the answer has more than ${MAX_ANSWER_BYTES} bytes`,
        ),
      );
    }
  }
  const connection = await driver.connect(
    address,
    {
      data(_, chunk) {
        chunks.push(chunk);
        bytes += chunk.length;
        judge(false);
      },
      end: () => judge(true),
      close: (_, reason, error) =>
        reject(error ?? new Error(`the connection was ${reason} before the answer`)),
    },
    { signal: over, timeoutMs: 2 * timeoutMs },
  );
  const onOver = (): void => reject(over.reason);
  over.addEventListener("abort", onOver, { once: true });
  try {
    connection.write(exchange.send);
    await judged;
  } finally {
    over.removeEventListener("abort", onOver);
    connection.close();
  }
}
