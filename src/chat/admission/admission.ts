import type { Clock } from "../../async/mod.ts";
import { RegisterLimit } from "../account/register_limit.ts";
import type { ChatLimits } from "../limits.ts";
import { HostCounts } from "./host_counts.ts";

/** A client's connection. */
export interface Guest {
  /** What it is connected by. */
  readonly link: {
    /** The address that it comes from. */
    readonly host: string;
  };
  /** Sends it away, and says why. Does nothing when it has gone. */
  refuse(message: string): void;
}

/** Who may come in, and how many accounts may be made: for one server, or for all that listen on one address. */
export interface Admission {
  /** Connections of clients to the other servers that listen on the same address, as far as is known. */
  readonly elsewhere: number;
  /** Counts a connection. One that is one too many is refused: at once, or in a moment when others have to be asked. */
  enter(guest: Guest): void;
  /** A connection that was counted is over. */
  leave(guest: Guest): void;
  /** Counts one account of an address. @returns For how long it has to wait until it may make one, in milliseconds: 0 when it may now. */
  registerWaitMs(host: string): number | Promise<number>;
  /** Forgets what no longer counts. To be called about every second. */
  sweep(): void;
}

/** Options for {@linkcode localAdmission}. */
export interface AdmissionOptions {
  readonly limits: Pick<ChatLimits, "connectionsPerHost" | "registersPerMinute">;
  /** Connections of clients at once. @default {as many as come} */
  readonly maxConnections?: number | undefined;
  readonly clock: Clock;
}

/** Makes the admission of one server that is alone at its address. */
export function localAdmission({ limits, maxConnections, clock }: AdmissionOptions): Admission {
  const registers = new RegisterLimit(limits.registersPerMinute, clock);
  const hosts = new HostCounts();
  const mostOfHost = limits.connectionsPerHost ?? Number.POSITIVE_INFINITY;
  const most = maxConnections ?? Number.POSITIVE_INFINITY;
  let count = 0;
  return {
    elsewhere: 0,
    enter(guest) {
      count += 1;
      if (hosts.add(guest.link.host) > mostOfHost) guest.refuse("too many connections from this address");
      else if (count > most) guest.refuse("the server has as many connections as it may");
    },
    leave({ link }) {
      count -= 1;
      hosts.remove(link.host);
    },
    registerWaitMs: (host) => registers.take(host),
    sweep: () => registers.sweep(),
  };
}
