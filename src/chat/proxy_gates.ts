import type { Clock } from "../async/mod.ts";
import {
  type Accept,
  type AddressList,
  type Connection,
  type ConnectionHandler,
  hostOf,
} from "../net/mod.ts";
import { type Caller, type GateHandler, ProxyGate } from "./proxy_gate.ts";

/** Options for {@linkcode ProxyGates}. */
export interface ProxyGatesOptions {
  /** Whose PROXY headers are believed. @default {nobody's} */
  readonly trusted: AddressList | undefined;
  readonly clock: Clock;
  readonly onError: GateHandler["onError"];
}

/** What becomes of the connections that come in. */
export interface Reception {
  /** One has come; whose it is may not be known yet. `open` or `left` follows. */
  entered(): void;
  /** It is known whose it is. @returns Who goes on with it. */
  open(connection: Connection, caller: Caller): ConnectionHandler;
  /** It is over before it was known whose it is. */
  left(): void;
}

/** Finds out whose the connections of a listener are: the balancers among them may have to say so first. */
export class ProxyGates {
  readonly #options: ProxyGatesOptions;
  readonly #gates = new Set<ProxyGate>();

  constructor(options: ProxyGatesOptions) {
    this.#options = options;
  }

  /** Whether an address is that of a balancer. */
  trusts(host: string): boolean {
    return this.#options.trusted?.has(host) === true;
  }

  /** Takes connections for `reception`; those of balancers once they have said for whom they are. */
  accept(reception: Reception): Accept {
    return (connection) => {
      reception.entered();
      const host = hostOf(connection.remote);
      if (!this.trusts(host)) return reception.open(connection, { host, isBalancer: false });
      return this.#guard(connection, reception);
    };
  }

  /** Lets in those who have said nothing for too long. To be called about every second. */
  sweep(): void {
    for (const gate of this.#gates) gate.sweep();
  }

  /** Lets all in, for what they are. */
  open(): void {
    for (const gate of this.#gates) gate.open();
  }

  #guard(connection: Connection, reception: Reception): ProxyGate {
    const { clock, onError } = this.#options;
    const forget = (): boolean => this.#gates.delete(gate);
    const gate = new ProxyGate(
      connection,
      {
        open(_, caller) {
          forget();
          return reception.open(connection, caller);
        },
        closed() {
          forget();
          reception.left();
        },
        onError,
      },
      clock,
    );
    this.#gates.add(gate);
    return gate;
  }
}
