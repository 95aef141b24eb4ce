import { type Clock, LinkedList } from "../../async/mod.ts";
import { type Connection, type ConnectionHandler, hostOf, type SpliceOptions } from "../../net/mod.ts";
import type { TableEntries } from "../connection/contract.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { EndReason } from "../end_reason.ts";
import { Arrival } from "./arrival.ts";
import { judgeDescriptors } from "./descriptors.ts";
import { type Destination, type Dispatched, dispatch } from "./dispatch.ts";
import type { FrontendHandler } from "./frontend.ts";
import { readKey } from "./preread.ts";
import { judgePath, judgeSender, readProxyHeader } from "./proxy_in.ts";
import type { Reception } from "./reception.ts";
import { Refusal } from "./refusal.ts";
import type { FrontendSettings } from "./settings.ts";
import { type Service, SplicedClient } from "./spliced_client.ts";
import { terminateTls } from "./tls_in.ts";

/** What a {@linkcode StreamService} works with. */
export interface StreamServiceParts {
  readonly reception: Reception;
  readonly table: ConnectionTable;
  readonly handler: FrontendHandler | undefined;
  /** For the timers that every client has, of which few ever fire. */
  readonly wheel: Clock;
}

/** The way of a client from the door of a frontend to its backend. */
export class StreamService implements Service {
  /** The frontend's name, as the table shows it. */
  name = "";
  /** Where clients are sent from now on. */
  to: Destination;
  readonly #parts: StreamServiceParts;
  readonly #arrivals = new Set<Arrival>();
  #settings: FrontendSettings;
  /** One for all clients of the same settings. */
  #spliceOptions: SpliceOptions;
  readonly #served = new LinkedList<SplicedClient, "before", "after">("before", "after");

  constructor(parts: StreamServiceParts, settings: FrontendSettings, to: Destination) {
    this.#parts = parts;
    this.#settings = settings;
    this.#spliceOptions = spliceOptionsOf(settings, parts.wheel);
    this.to = to;
  }

  /** What holds for clients from now on. */
  get settings(): FrontendSettings {
    return this.#settings;
  }

  set settings(settings) {
    this.#settings = settings;
    this.#spliceOptions = spliceOptionsOf(settings, this.#parts.wheel);
  }

  /** Those who have a backend. */
  get served(): TableEntries {
    const clients = this.#served;
    return {
      get size() {
        return clients.size;
      },
      *[Symbol.iterator]() {
        for (const { entry } of clients) yield entry;
      },
    };
  }

  /** Takes a connection that was just accepted. Nothing is read from it before somebody wants to know what it says. */
  accept(connection: Connection): ConnectionHandler {
    connection.pause();
    const arrival = new Arrival(connection, this.#parts.reception.enter(hostOf(connection.remote)));
    this.#arrivals.add(arrival);
    // Owned by the set of those who arrive, and then by that of those who are served.
    void this.#lead(arrival);
    return arrival;
  }

  /** Ends everybody, at once. */
  endAll(): true {
    for (const arrival of this.#arrivals) arrival.sendAway();
    for (const { entry } of this.#served) {
      entry.end("shutdown");
      entry.traffic.abort();
    }
    return true;
  }

  over(client: SplicedClient, reason: EndReason): void {
    const { entry, lease, stay } = client;
    const told = entry.over(reason);
    this.#served.delete(client);
    lease[Symbol.dispose]();
    this.#parts.handler?.ended?.(entry, told);
    stay[Symbol.dispose]();
  }

  async #lead(arrival: Arrival): Promise<void> {
    // A reader that took the connection over now would be replaced by what `accept` returns.
    await undefined;
    const outcome = await this.#receive(arrival).catch((error: unknown) => this.#giveUp(error));
    this.#arrivals.delete(arrival);
    if (outcome instanceof Refusal) this.#refuse(arrival, outcome);
    else this.#serve(arrival, outcome);
  }

  /** All steps, in their order. The first one that refuses the client is the last one. */
  async #receive(arrival: Arrival): Promise<Dispatched | Refusal> {
    const { settings } = this;
    const { handler, wheel: clock } = this.#parts;
    const refusal =
      this.#judge(arrival, settings) ??
      (settings.proxyProtocol && (await this.#readHeader(arrival, settings))) ??
      (settings.tls && (await terminateTls(arrival, settings.tls, settings.timeouts?.handshakeMs))) ??
      (await this.#readKey(arrival, settings));
    return refusal ?? (await dispatch(arrival, { to: this.to, handler, clock }));
  }

  /** Who may come, and whether there is room. */
  #judge({ stay, connection }: Arrival, { proxyProtocol }: FrontendSettings): Refusal | undefined {
    return (
      stay.judgePresence() ??
      (proxyProtocol ? judgeSender(connection.remote, proxyProtocol.trusted) : stay.admit(stay.host)) ??
      stay.judgeRoom() ??
      judgeDescriptors(this.#arrivals.size)
    );
  }

  /** The PROXY header, then whether the client of whom it tells may come. A balancer that speaks for itself may, being trusted. */
  async #readHeader(arrival: Arrival, { timeouts }: FrontendSettings): Promise<Refusal | undefined> {
    const options = { prereadMs: timeouts?.prereadMs, clock: this.#parts.wheel };
    const kind = await readProxyHeader(arrival, options);
    if (kind instanceof Refusal) return kind;
    if (kind === "local") return undefined;
    const { route, stay } = arrival;
    return stay.admit(hostOf(route.source)) ?? judgePath(route, this.to.dialer.nodeId);
  }

  async #readKey(arrival: Arrival, { timeouts }: FrontendSettings): Promise<Refusal | undefined> {
    const { key: source } = this.to.pool;
    if (!source) return undefined;
    return await readKey(arrival, { source, prereadMs: timeouts?.prereadMs, clock: this.#parts.wheel });
  }

  #serve(arrival: Arrival, dispatched: Dispatched): void {
    this.#served.add(new SplicedClient(this, this.#parts.table, arrival, dispatched, this.#spliceOptions));
  }

  #refuse({ stay, connection }: Arrival, refusal: Refusal): void {
    stay.refuse(refusal);
    connection.abort();
    stay[Symbol.dispose]();
  }

  /** A bug of ours costs its client and nobody else. */
  #giveUp(error: unknown): Refusal {
    this.#parts.handler?.error?.(error, { during: "serve a client" });
    return new Refusal("no_backend", "the balancer has failed");
  }
}

function spliceOptionsOf({ timeouts }: FrontendSettings, clock: Clock): SpliceOptions {
  return { idleTimeoutMs: timeouts?.idleMs, halfCloseTimeoutMs: timeouts?.halfCloseMs, clock };
}
