import type { ServerFrame } from "../protocol.ts";
import type { Frame } from "./exchange.ts";

/** A friend has come online on some server, or gone offline on the last one. */
export type PresenceEvent = Omit<Extract<ServerFrame, { type: "presence" }>, "type">;
/** Somebody wants to be a friend, has accepted, or is none any more. */
export type FriendEvent = Omit<Extract<ServerFrame, { type: "friend" }>, "type">;
/** Something has happened in a group of the user's, or they were invited into one. */
export type GroupEvent = Omit<Extract<ServerFrame, { type: "group" }>, "type">;
/** How far somebody has got or read a conversation. */
export type ReceiptEvent = Omit<Extract<ServerFrame, { type: "receipt" }>, "type">;
/** What somebody sent that is not stored. */
export type SignalEvent = Omit<Extract<ServerFrame, { type: "signal" }>, "type">;
/** What an operator tells everybody. */
export type AnnouncementEvent = Omit<Extract<ServerFrame, { type: "announcement" }>, "type">;

/** What a server tells beside messages. Each comes at most once: a client that is away or slow misses it. */
export interface EventHandler {
  /** A friend came online, or went offline. May come twice. */
  presence?(event: PresenceEvent): void;
  /** Somebody asked, accepted, or is a friend no more. */
  friend?(event: FriendEvent): void;
  /** Something happened to a group, or to its members. */
  group?(event: GroupEvent): void;
  /** Somebody got, or read, a conversation up to a number. */
  receipt?(event: ReceiptEvent): void;
  /** Somebody sent a signal. */
  signal?(event: SignalEvent): void;
  /** An operator tells everybody something. */
  announcement?(event: AnnouncementEvent): void;
}

/** Gives an event to its handler. A type that is not known here is nothing to worry about: a newer server may have more. */
export function tellEvent(handler: EventHandler, { type, ...fields }: Frame): void {
  // The server is trusted to follow its protocol; `docs/protocol.md` lists these fields.
  switch (type) {
    case "presence":
      handler.presence?.(fields as unknown as PresenceEvent);
      break;
    case "friend":
      handler.friend?.(fields as unknown as FriendEvent);
      break;
    case "group":
      handler.group?.(fields as unknown as GroupEvent);
      break;
    case "receipt":
      handler.receipt?.(fields as unknown as ReceiptEvent);
      break;
    case "signal":
      handler.signal?.(fields as unknown as SignalEvent);
      break;
    case "announcement":
      handler.announcement?.(fields as unknown as AnnouncementEvent);
      break;
  }
}
