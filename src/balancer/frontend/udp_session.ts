import type { Clock } from "../../async/mod.ts";
import { formatAddress, type NetError, type TcpAddress, toNetError } from "../../net/mod.ts";
import type { TableEntry } from "../connection/contract.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { ClosingReason, EndReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { Lease, Pool } from "../pool/pool.ts";
import type { ClientRoute } from "./client_route.ts";
import { MAX_TRIES } from "./dispatch.ts";
import type { FrontendHandler } from "./frontend.ts";
import type { Stay } from "./reception.ts";
import { Refusal } from "./refusal.ts";
import { type LinkHandler, UdpLink } from "./udp_link.ts";
import { datagramHeader } from "./udp_proxy.ts";

/** The most datagrams of a session that wait while the socket to its backend is being opened. */
export const MAX_WAITING = 16;

/** What the sessions of a frontend have in common. */
export interface UdpHome {
  readonly name: string;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly table: ConnectionTable;
  readonly handler: FrontendHandler | undefined;
  /** Where those go who are to be given a backend now. */
  readonly pool: Pool;
  /** The version of the header in front of what is sent to a backend. */
  versionFor(backend: Backend): 1 | 2 | undefined;
  /** Sends a datagram to a client, from the frontend's address. */
  reply(payload: Uint8Array, to: TcpAddress): void;
  /** So many bytes begin to wait, or have ceased to. @returns False when too many wait already. */
  reserve(bytes: number): boolean;
  free(bytes: number): void;
  /** A datagram was dropped. */
  dropped(): void;
  /** The same, and why. */
  failed(error: NetError): void;
  /** Waits for a promise of a session's before the frontend is closed. */
  track(work: Promise<void>): void;
  /** A session is over. */
  left(session: UdpSession): void;
}

/** Who a session is. */
export interface UdpClient {
  /** Tells its datagrams from others'. */
  readonly key: string;
  /** Who sends its datagrams, and gets the replies. */
  readonly sender: TcpAddress;
  readonly route: ClientRoute;
  readonly stay: Stay;
}

type Phase =
  /** It has no backend: the last one could not be reached. Its next datagram gets it another one. */
  | { readonly name: "resting" }
  | { readonly name: "opening"; readonly waiting: Uint8Array[] }
  | { readonly name: "open"; readonly link: UdpLink }
  | { readonly name: "over" };

/** The datagrams between one client and whichever backend serves it. */
export class UdpSession implements LinkHandler {
  readonly client: UdpClient;
  readonly #home: UdpHome;
  /** Where its backend is, or is looked for. */
  #pool: Pool;
  #phase: Phase = { name: "resting" };
  /** When something last passed, on the table's clock. */
  #activeAt: number;
  /** Backends that could not be reached since one has answered. */
  readonly #avoided = new Set<Backend>();
  /** The backend has answered. */
  #isAnswered = false;

  constructor(client: UdpClient, home: UdpHome) {
    this.client = client;
    this.#home = home;
    this.#pool = home.pool;
    this.#activeAt = home.clock.now();
  }

  /** When something last passed in either direction, on the table's clock. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** Its entry in the table while it has a backend. */
  get entry(): TableEntry | undefined {
    return this.#phase.name === "open" ? this.#phase.link.entry : undefined;
  }

  /** Passes on a datagram of the client. */
  take(payload: Uint8Array): void {
    this.#activeAt = this.#home.clock.now();
    const phase = this.#phase;
    switch (phase.name) {
      case "open":
        this.#pass(phase.link, payload);
        break;
      case "resting":
        this.#open(payload);
        break;
      case "opening":
        this.#wait(phase.waiting, payload);
        break;
      case "over":
        this.#home.dropped();
    }
  }

  /** Ends it for a reason of ours. */
  end(reason: ClosingReason): void {
    const phase = this.#phase;
    // By its entry, which knows whether there was a reason before.
    if (phase.name === "open") phase.link.entry?.end(reason);
    // One that is resting has been told of when it lost its backend.
    if (phase.name === "opening") this.client.stay.refuse(new Refusal("draining"));
    if (phase.name !== "open") this.#finish();
  }

  answered(link: UdpLink, payload: Uint8Array): void {
    if (!this.#isOpen(link)) return;
    this.#activeAt = link.activeAt;
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#avoided.clear();
      this.#pool.connected(link.lease);
    }
    this.#home.reply(payload, this.client.sender);
  }

  failed(link: UdpLink, error: NetError): void {
    if (!this.#isOpen(link)) return;
    if (!isUnreachable(error)) {
      // Such as a datagram that is too long: the next one may be passed on.
      this.#home.failed(error);
      return;
    }
    this.#blame(link.lease, error);
    this.#avoided.add(link.backend);
    this.#rest(link, "backend_reset");
  }

  closed(link: UdpLink): void {
    if (!this.#isOpen(link)) return;
    this.#rest(link, "failed");
    this.#finish();
  }

  #isOpen(link: UdpLink): boolean {
    return this.#phase.name === "open" && this.#phase.link === link;
  }

  #pass(link: UdpLink, payload: Uint8Array): void {
    if (!isLost(link.backend)) {
      link.send(payload);
      return;
    }
    this.#rest(link, "backend_down");
    this.#open(payload);
  }

  /** Leaves its backend. */
  #rest(link: UdpLink, reason: EndReason): void {
    this.#phase = { name: "resting" };
    this.#isAnswered = false;
    const counted = link.finish(reason);
    this.#home.track(link.release());
    if (counted) this.#home.handler?.ended?.(link, counted);
  }

  #open(payload: Uint8Array): void {
    const waiting: Uint8Array[] = [];
    this.#phase = { name: "opening", waiting };
    this.#pool = this.#home.pool;
    this.#wait(waiting, payload);
    this.#home.track(this.#connect(waiting));
  }

  #wait(waiting: Uint8Array[], payload: Uint8Array): void {
    if (waiting.length < MAX_WAITING && this.#home.reserve(payload.length)) waiting.push(payload);
    else this.#home.dropped();
  }

  async #connect(waiting: readonly Uint8Array[]): Promise<void> {
    const link = await this.#findBackend();
    for (const payload of waiting) this.#home.free(payload.length);
    if (this.#phase.name !== "opening") {
      if (link instanceof UdpLink) await discard(link);
      return;
    }
    if (link instanceof Refusal) {
      this.client.stay.refuse(link);
      this.#finish();
      return;
    }
    this.#phase = { name: "open", link };
    link.enter(this.#home.table);
    for (const payload of waiting) this.take(payload);
  }

  async #findBackend(): Promise<UdpLink | Refusal> {
    const tried = new Set<Backend>();
    let last: NetError | undefined;
    while (tried.size < MAX_TRIES && this.#phase.name === "opening") {
      const lease = this.#acquire(tried);
      if (!lease) break;
      const link = this.#linkOver(lease);
      last = await failureOf(link.connect());
      if (!last) return link;
      // What is our own fault is not held against the backend.
      if (last.code !== "descriptors") this.#blame(lease, last);
      lease[Symbol.dispose]();
      if (last.code === "descriptors") return new Refusal("descriptors", last.message);
      tried.add(lease.backend);
    }
    if (last) return new Refusal("connect_failed", `${tried.size} were tried, last: ${last.message}`);
    return new Refusal(this.#pool.isDraining ? "draining" : "no_backend");
  }

  #acquire(tried: ReadonlySet<Backend>): Lease | undefined {
    const client = { host: this.client.stay.host };
    const lease = this.#pool.acquire(client, tried.union(this.#avoided));
    if (lease || this.#avoided.size === 0) return lease;
    // There are no others: what could not be reached a while ago may be again.
    this.#avoided.clear();
    return this.#pool.acquire(client, tried);
  }

  #linkOver(lease: Lease): UdpLink {
    const { name, nodeId, clock } = this.#home;
    const pool = this.#pool.name;
    const { route } = this.client;
    const version = this.#home.versionFor(lease.backend);
    const header = version && datagramHeader(route, nodeId, version);
    const client = formatAddress(route.source);
    return new UdpLink({ frontend: name, pool, client, lease, header, clock }, this);
  }

  #blame(lease: Lease, error: NetError): void {
    this.#pool.failed(lease);
    this.#home.handler?.failed?.(lease.backend, error);
  }

  #finish(): void {
    if (this.#phase.name === "over") return;
    this.#phase = { name: "over" };
    this.client.stay[Symbol.dispose]();
    this.#home.left(this);
  }
}

/** What a promise rejects with; undefined when it does not. */
async function failureOf(connecting: Promise<void>): Promise<NetError | undefined> {
  try {
    await connecting;
    return undefined;
  } catch (error) {
    return toNetError(error, "connect");
  }
}

async function discard(link: UdpLink): Promise<void> {
  link.finish("failed");
  await link.release();
}

/** Whether nobody is to be sent to a backend any more: there is no connection to keep. */
function isLost({ health, isHeld }: Backend): boolean {
  return health.verdict === "down" || isHeld;
}

function isUnreachable({ code }: NetError): boolean {
  return code === "refused" || code === "reset" || code === "unreachable";
}
