import type { PolicyName } from "../../mod.ts";
import type { Measured } from "./measurement.ts";

/** Somebody who has an account already. */
export interface Account {
  readonly name: string;
  /** Logs in without a password; not looked at by servers that know no accounts. */
  readonly token: string;
}

/** What the load is to do. */
export type LoadWork = {
  /** What the servers speak; `socket.io untold` sends without learning whether somebody has it. */
  readonly kind: "chorus" | "socket.io" | "socket.io untold";
  /** `HOST:PORT` of each server; users take turns. */
  readonly addresses: readonly string[];
  readonly accounts: readonly Account[];
  /** Stored messages, or what is not stored. */
  readonly mode: "send" | "signal";
  /** Messages that each sender has on their way. */
  readonly inFlight: number;
  /** Characters of a message. */
  readonly bytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
} & (
  | { /** The first account writes to the second, the third to the fourth, … */ readonly type: "pairs" }
  | { /** The first account writes to a group of all. */ readonly type: "group"; readonly group: string }
);

/** What the load saw. The times are those from the send to each receiver. */
export interface LoadResult extends Omit<Measured, "count"> {
  /** Messages that everybody who was to have them has got, and for stored ones were answered. */
  readonly sends: number;
  /** Messages received by others than their sender. */
  readonly deliveries: number;
}

/** A user on a connection. */
export interface Talker {
  /** Sends what is stored; resolves when the server has answered, or at once where it never does. */
  send(to: string, text: string): Promise<unknown>;
  /** Sends what is not stored. */
  signal(to: string, text: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Options for a {@linkcode Talker}. */
export interface TalkerOptions {
  readonly address: string;
  readonly account: Account;
  /** The groups that the user is in. */
  readonly groups: readonly string[];
  /** Called with what others have sent. */
  readonly onText: (text: string) => void;
}

/** Those who watch a storm from another server: a balancer that takes turns puts one of two there. */
export const BYSTANDERS = 2;

/** What a storm is made of. */
export interface StormWork {
  /** `HOST:PORT` of each server, the one that will die first. */
  readonly addresses: readonly string[];
  /** The first {@linkcode BYSTANDERS} only watch, from the last server. */
  readonly accounts: readonly Account[];
  /** How many at least will lose their server. */
  readonly least: number;
}

/** What the clients of a server that died saw, from when the first of them was lost. */
export interface StormResult {
  readonly clients: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly allMs: number;
  /** The longest that somebody on another server waited for an answer meanwhile. */
  readonly slowestMs: number;
}

/** What clients of a server of bytes do. */
export interface StreamWork {
  /** `ask`: each connection stays and has one request on its way. `visit`: each has one request and is closed. */
  readonly type: "ask" | "visit";
  /** Connections at the same time. */
  readonly connections: number;
  readonly requestBytes: number;
  /** How long each answer has to be; the request itself when they are alike. */
  readonly answerBytes: number;
}

/** What one process of those does that hold connections: it opens, holds and reports when it is told to. */
export interface HoldWork {
  /** `HOST:PORT` of what it connects to. */
  readonly address: string;
  /** The addresses that it connects from, which have so many free ports each; connections take turns. */
  readonly sources: readonly string[];
  /** Each has a connection. */
  readonly accounts: readonly Account[];
  /** To whom some of them write, by their own names. */
  readonly receivers: Readonly<Record<string, string>>;
  /** For how long they are held, in which each connection asks for a `pong` once. */
  readonly holdMs: number;
  /** How often each of those who write does. */
  readonly messageEveryMs: number;
}

/** What such a process saw while it held them. */
export interface HoldResult {
  /** Connections that are logged in at the end. */
  readonly held: number;
  /** Pings, and how many of them were answered. */
  readonly asked: number;
  readonly answered: number;
  /** Messages that its clients sent, and how many of these the server has answered. */
  readonly sent: number;
  readonly stored: number;
  /** How long each message took that its clients received, in microseconds. */
  readonly tookUs: readonly number[];
  /** Why connections could not be opened, or were lost: the first few. */
  readonly failures: readonly string[];
}

/** How many backends a pool has whose policy is measured. */
export const POLICY_SIZES: readonly number[] = [10, 100, 1000, 10_000];

/** How a policy is measured. */
export interface PolicyWork {
  readonly policy: PolicyName;
  /** Clients of one turn: a multiple of 80, since a tenth of them wait, eight at a time. */
  readonly clients: number;
  readonly turns: number;
}
