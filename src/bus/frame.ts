import type { Lot } from "./lot.ts";

/**
 * What the hub and its children say to each other on the topic `bus`. Both are the same program.
 *
 * - `join` asks for channels, `joined` answers with the same number when their messages will arrive; `leave` ends it.
 * - `publish` carries messages in order: their payloads one after the other in `bytes`, each `lengths[i]` long.
 * - `taken` says how many bytes of payload were taken in, so that the other side knows how many are under way.
 */
export type BusFrame =
  | { readonly type: "join"; readonly ask: number; readonly channels: readonly string[] }
  | { readonly type: "joined"; readonly ask: number }
  | { readonly type: "leave"; readonly channels: readonly string[] }
  | PublishFrame
  | { readonly type: "taken"; readonly bytes: number };

/** Messages of one tick. */
export interface PublishFrame {
  readonly type: "publish";
  readonly channels: readonly string[];
  readonly lengths: readonly number[];
  readonly bytes: Uint8Array;
}

/** The topic of a channel between processes on which the bus speaks. */
export const BUS_TOPIC = "bus";

/** Packs messages: one copy each, so that no more of a payload's buffer crosses than the payload. */
export function packLot(lot: Lot): PublishFrame {
  const bytes = new Uint8Array(lot.bytes);
  const lengths: number[] = [];
  let end = 0;
  for (const payload of lot.payloads) {
    bytes.set(payload, end);
    lengths.push(payload.length);
    end += payload.length;
  }
  return { type: "publish", channels: lot.channels, lengths, bytes };
}

/** Calls `take` with each message, in order; the payloads are views into the frame. */
export function unpackLot(
  { channels, lengths, bytes }: PublishFrame,
  take: (channel: string, payload: Uint8Array) => void,
): void {
  let start = 0;
  for (const [index, channel] of channels.entries()) {
    const end = start + (lengths[index] ?? 0);
    take(channel, bytes.subarray(start, end));
    start = end;
  }
}

/** Whether a body is one of ours; what it holds is as we sent it. */
export function isBusFrame(body: unknown): body is BusFrame {
  return typeof body === "object" && body !== null && "type" in body && typeof body.type === "string";
}
