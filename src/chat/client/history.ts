import type { Frame } from "./exchange.ts";
import type { ChatMessage } from "./reader.ts";

/** Which messages of a conversation are asked for. */
export interface HistoryPage {
  /** Those whose number is lower. @default {the newest} */
  readonly before?: number;
  /** At most so many, up to 200. @default {50} */
  readonly limit?: number;
}

/** Messages of a conversation, the oldest first. */
export interface History {
  /** The oldest first. */
  readonly messages: readonly Omit<ChatMessage, "inbox" | "stamp">[];
  /** Whether older ones are kept. */
  readonly more: boolean;
  /** How far the two of a pair have got and read it; empty for a group. */
  readonly receipts: readonly { readonly name: string; readonly delivered: number; readonly read: number }[];
}

/** The history in an answer. The server is trusted to follow its protocol. */
export function toHistory({ messages, more, receipts = [] }: Frame): History {
  return {
    messages: messages as History["messages"],
    more: more === true,
    receipts: receipts as History["receipts"],
  };
}

/** A conversation that the user is in. */
export interface ConversationView {
  /** The group with its `#`, or the two names of a pair in alphabetical order joined by `:`. */
  readonly conversation: string;
  /** The number of the newest message that the user has of it; 0 in a group in which nothing was sent yet. */
  readonly seq: number;
  /** How far the user has read it. */
  readonly read: number;
}

/** The numbers of unread messages in the answer to a login, by conversation. */
export function toUnread({ unread = {} }: Frame): ReadonlyMap<string, number> {
  return new Map(Object.entries(unread as Readonly<Record<string, number>>));
}
