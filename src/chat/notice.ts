/**
 * What goes over the bus on a user's channel beside the hints of inbox entries, which begin with `{` (see `readHint` of the store).
 *
 * - `!` and a frame with its newline: for every session of the user, as it is. At most once; who does not keep up misses it.
 * - `@`, the id of a session, a newline and a frame with its newline: the same, but not for that session.
 * - `~` and a {@linkcode Notice} as JSON: for the servers that hold sessions of the user.
 *
 * Channel {@linkcode EVERYBODY} carries the same for all sessions of all servers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Bus } from "../bus/mod.ts";
import { bufferOf } from "../wire/mod.ts";
import { frameLine } from "./frame_line.ts";
import type { ServerFrame } from "./protocol.ts";

/** What servers tell each other about the sessions of a user. */
export type Notice =
  /** A newer login of the device has come: sessions of it with a smaller generation are over. */
  | { readonly type: "replaced"; readonly device: string; readonly generation: number }
  /** The sessions of the user are over, except the one with this id; `operator` is what they are told. */
  | { readonly type: "logged_out"; readonly except?: string }
  /** History was rolled back, and the user's inbox begins this epoch: sessions of an earlier one are to start anew. */
  | { readonly type: "rolled_back"; readonly epoch: string };

/** The first byte of a payload that is no inbox entry. */
const FRAME_MARK = 0x21;
const EXCEPT_MARK = 0x40;
const NOTICE_MARK = 0x7e;
const NEWLINE = 0x0a;

/** The channel that every server listens to. */
export const EVERYBODY = "everybody";

/** The channel of a user. */
export function channelOf(user: string): string {
  return `user:${user}`;
}

/** Sends a frame to every session of each of `users`, on every server: at most once. */
export function tell(bus: Bus, users: Iterable<string>, frame: ServerFrame): void {
  const payload = framePayload(frame);
  for (const user of users) bus.publish(channelOf(user), payload);
}

/** A frame as it goes over the bus. */
export function framePayload(frame: ServerFrame): Uint8Array {
  return Buffer.from(`!${frameLine(frame)}`);
}

/** Sends a notice to every server that holds sessions of a user. */
export function notify(bus: Bus, user: string, notice: Notice): void {
  bus.publish(channelOf(user), Buffer.from(`~${JSON.stringify(notice)}`));
}

/** What a payload on a user's channel is. */
export type Payload =
  | { readonly kind: "entry"; readonly line: Uint8Array }
  /** `except` is the id of the session that is not to get it. */
  | { readonly kind: "frame"; readonly line: Uint8Array; readonly except?: string }
  | { readonly kind: "notice"; readonly notice: Notice };

/** Tells what a payload is. What we did not write is not expected here: whoever can publish on the bus is trusted. */
export function readPayload(payload: Uint8Array): Payload {
  switch (payload[0]) {
    case FRAME_MARK:
      return { kind: "frame", line: payload.subarray(1) };
    case EXCEPT_MARK: {
      const end = payload.indexOf(NEWLINE);
      const except = bufferOf(payload).toString("utf8", 1, end);
      return { kind: "frame", line: payload.subarray(end + 1), except };
    }
    case NOTICE_MARK:
      return {
        kind: "notice",
        notice: JSON.parse(bufferOf(payload).toString("utf8", 1)) as Notice,
      };
    default:
      return { kind: "entry", line: payload };
  }
}
