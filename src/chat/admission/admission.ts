import { type Clock, KeyCounts } from "../../async/mod.ts";
import { networkOf } from "../../net/mod.ts";
import { RegisterLimit } from "../account/register_limit.ts";
import type { ChatLimits } from "../limits.ts";

/** A client's connection. */
export interface Guest {
  /** What it is connected by. */
  readonly link: {
    /** The address that it comes from. */
    readonly host: string;
    /** Ends it at once, without a word. */
    abort(): void;
  };
  /** Sends it away, and says why. Does nothing when it has gone. */
  refuse(message: string): void;
}

/** Refused connections that may wait at once until they have heard so: more are cut. */
const MAX_REFUSED = 256;

/** Who may come in, and how many accounts may be made: for one server, or for all that listen on one address. */
export interface Admission {
  /** Connections of clients to the other servers that listen on the same address, as far as is known. */
  readonly elsewhere: number;
  /** Connections here that were refused and are not gone yet: they are nobody's place. */
  readonly refused: number;
  /**
   * Counts a connection. One that is one too many is refused: at once, or in a moment when others have to be asked. It counts no more
   * then, however long its client takes to go.
   */
  enter(guest: Guest): void;
  /** A connection that entered is over. */
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
  // By network.
  const hosts = new KeyCounts();
  const mostOfHost = limits.connectionsPerHost ?? Number.POSITIVE_INFINITY;
  const most = maxConnections ?? Number.POSITIVE_INFINITY;
  const refused = new Set<Guest>();
  let count = 0;

  function refuse(guest: Guest, message: string): void {
    refused.add(guest);
    if (refused.size > MAX_REFUSED) guest.link.abort();
    else guest.refuse(message);
  }

  return {
    elsewhere: 0,
    get refused() {
      return refused.size;
    },
    enter(guest) {
      const host = networkOf(guest.link.host);
      if (hosts.count(host) >= mostOfHost) refuse(guest, "too many connections from this address");
      else if (count >= most) refuse(guest, "the server has as many connections as it may");
      else {
        count += 1;
        hosts.add(host);
      }
    },
    leave(guest) {
      if (refused.delete(guest)) return;
      count -= 1;
      hosts.remove(networkOf(guest.link.host));
    },
    registerWaitMs: (host) => registers.take(networkOf(host)),
    sweep: () => registers.sweep(),
  };
}
