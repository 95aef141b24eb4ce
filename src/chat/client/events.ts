import type { ServerFrame } from "../protocol.ts";
import type { Frame } from "./exchange.ts";

/** The fields of a server's frame. */
type FieldsOf<T extends ServerFrame["type"]> = Omit<Extract<ServerFrame, { type: T }>, "type">;

/** A friend has come online on some server, or gone offline on the last one. */
export type PresenceEvent = FieldsOf<"presence">;
/** Somebody wants to be a friend, has accepted, or is none any more. */
export type FriendEvent = FieldsOf<"friend">;
/** Something has happened in a group of the user's, or they were invited into one. */
export type GroupEvent = FieldsOf<"group">;
/** How far somebody has got or read a conversation. */
export type ReceiptEvent = FieldsOf<"receipt">;
/** What somebody sent that is not stored. */
export type SignalEvent = FieldsOf<"signal">;
/** What an operator tells everybody. */
export type AnnouncementEvent = FieldsOf<"announcement">;

/** What a server tells beside messages. Each comes at most once: a client that is away or slow misses it. */
export interface EventHandler {
  presence?(event: PresenceEvent): void;
  friend?(event: FriendEvent): void;
  group?(event: GroupEvent): void;
  receipt?(event: ReceiptEvent): void;
  signal?(event: SignalEvent): void;
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
