import { Buffer } from "node:buffer";
import { type Clock, withDeadline } from "../../async/mod.ts";
import {
  type Address,
  connectDatagram,
  type DatagramHandler,
  type DatagramSocket,
  formatAddress,
  NetError,
} from "../../net/mod.ts";
import type { ServedClient, TableEntry, Traffic } from "../connection/contract.ts";
import type { ConnectionTable } from "../connection/table.ts";
import type { EndReason } from "../end_reason.ts";
import type { Backend } from "../pool/backend.ts";
import type { Lease } from "../pool/pool.ts";

/** The longest that looking up a backend's address may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;

/** What a link tells its session. */
export interface LinkHandler {
  /** A datagram came from the backend. */
  answered(link: UdpLink, payload: Uint8Array): void;
  /** The backend cannot be reached, as far as the system tells; or something else failed. */
  failed(link: UdpLink, error: NetError): void;
  /** It was closed for a reason of ours, which its entry knows. */
  closed(link: UdpLink): void;
}

/** What a link is made of. */
export interface LinkParts {
  readonly frontend: string;
  readonly pool: string;
  readonly client: string;
  readonly lease: Lease;
  /** Goes in front of every datagram to the backend. */
  readonly header: Uint8Array | undefined;
  readonly clock: Clock;
}

/** The socket over which one client's datagrams go to one backend. It is its own traffic, and has nothing to deliver when it is closed. */
export class UdpLink implements ServedClient, Traffic, DatagramHandler {
  readonly frontend: string;
  readonly pool: string;
  readonly backend: Backend;
  readonly client: string;
  readonly transport = "udp" as const;
  readonly lease: Lease;
  bytesIn = 0;
  bytesOut = 0;
  activeAt: number;
  readonly #header: Uint8Array | undefined;
  readonly #clock: Clock;
  readonly #handler: LinkHandler;
  #socket: DatagramSocket | undefined;
  #entry: TableEntry | undefined;

  constructor({ frontend, pool, client, lease, header, clock }: LinkParts, handler: LinkHandler) {
    this.frontend = frontend;
    this.pool = pool;
    this.backend = lease.backend;
    this.client = client;
    this.lease = lease;
    this.activeAt = clock.now();
    this.#header = header;
    this.#clock = clock;
    this.#handler = handler;
  }

  get traffic(): Traffic {
    return this;
  }

  /** What ends it for a reason of ours; undefined before it is in a table. */
  get entry(): TableEntry | undefined {
    return this.#entry;
  }

  /** Opens the socket. @throws {NetError} */
  async connect(): Promise<void> {
    const address = inetOf(this.backend.address);
    const connecting = connectDatagram(address, this);
    const action = `connect to ${formatAddress(address)}`;
    try {
      this.#socket = await withDeadline(connecting, CONNECT_TIMEOUT_MS, action, this.#clock);
    } catch (error) {
      // One that comes after all is not wanted any more; one that fails has been told of.
      connecting.then(
        (late) => late.close(),
        () => undefined,
      );
      throw error instanceof NetError ? error : new NetError("timeout", messageOf(error), { cause: error });
    }
  }

  /** From now on it is served. */
  enter(table: ConnectionTable): void {
    this.#entry = table.add(this);
  }

  /** Sends a datagram to the backend. */
  send(payload: Uint8Array): void {
    this.bytesIn += payload.length;
    this.activeAt = this.#clock.now();
    this.#socket?.send(this.#header ? Buffer.concat([this.#header, payload]) : payload);
  }

  message(payload: Uint8Array): void {
    this.bytesOut += payload.length;
    this.activeAt = this.#clock.now();
    this.#handler.answered(this, payload);
  }

  error(error: NetError): void {
    this.#handler.failed(this, error);
  }

  close(): void {
    this.#handler.closed(this);
  }

  abort(): void {
    this.#handler.closed(this);
  }

  /** It is over: gives the place on the backend back. @returns The reason that counts; undefined when it was never served. */
  finish(reason: EndReason): EndReason | undefined {
    this.lease[Symbol.dispose]();
    return this.#entry?.over(reason);
  }

  /** Closes the socket. */
  async release(): Promise<void> {
    await this.#socket?.close();
  }
}

function inetOf(address: Address): Extract<Address, { host: string }> {
  if ("host" in address) return address;
  throw new NetError("unsupported", `Cannot send datagrams to ${formatAddress(address)}: it is not UDP`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
