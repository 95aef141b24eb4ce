/**
 * Servers that keep what they hear, and frontends before them with everything that they can do.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type Clock, withDeadline } from "../../../src/async/mod.ts";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import { Dialer, type DialOptions } from "../../../src/balancer/frontend/dialer.ts";
import type { FrontendSettings } from "../../../src/balancer/frontend/settings.ts";
import { type SpliceFrontend, startSpliceFrontend } from "../../../src/balancer/frontend/splice_frontend.ts";
import type { Pool } from "../../../src/balancer/pool/pool.ts";
import {
  type Address,
  AddressList,
  type Driver,
  systemDriver,
  type TcpAddress,
} from "../../../src/net/mod.ts";
import { decodeProxyHeader, encodeProxyHeader, type ProxyHeader } from "../../../src/wire/mod.ts";
import { DEADLINE_MS, LOOPBACK, Recorder, type Side } from "../../net/recording.ts";
import { record, type Told, type Visitor } from "./frontends.ts";

/** A server that says nothing, keeps all that it is told, and ends when its client has ended. */
export class Keeper implements AsyncDisposable {
  readonly address: Address;
  /** Its clients, in the order in which they came. */
  readonly sides: Side[];
  readonly #close: () => Promise<void>;

  private constructor(address: Address, sides: Side[], close: () => Promise<void>) {
    this.address = address;
    this.sides = sides;
    this.#close = close;
  }

  static async start(driver: Driver = systemDriver(), address: Address = LOOPBACK): Promise<Keeper> {
    const sides: Side[] = [];
    const listener = await driver.listen(address, (connection) => {
      const recorder = new Recorder();
      recorder.onEnd = () => connection.end();
      sides.push({ connection, recorder });
      return recorder;
    });
    return new Keeper(listener.address, sides, () => listener.close());
  }

  /** All bytes of a client, once it has ended. */
  async heard(index: number): Promise<Buffer> {
    const recorder = this.sides[index]?.recorder;
    if (!recorder) throw new RangeError(`there is no client ${index}`);
    await recorder.ended;
    return Buffer.concat(recorder.chunks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    for (const { connection } of this.sides) connection.abort();
    await Promise.all(this.sides.map(({ recorder }) => recorder.closed));
  }
}

/** Options for {@linkcode frontendFor}. */
export interface FrontendOptions {
  readonly settings?: FrontendSettings;
  readonly dial?: Partial<DialOptions>;
  readonly driver?: Driver;
  readonly listen?: Address;
  readonly clock?: Clock;
}

/** A frontend and what it told. */
export interface TestFrontend extends AsyncDisposable {
  readonly frontend: SpliceFrontend;
  readonly table: ConnectionTable;
  readonly told: Told;
}

/** Starts a frontend before `pool`. */
export async function frontendFor(pool: Pool, options: FrontendOptions = {}): Promise<TestFrontend> {
  const { settings = {}, dial = {}, driver = systemDriver(), listen = LOOPBACK, clock } = options;
  const table = new ConnectionTable(clock);
  const told = record();
  const dialer = new Dialer({ driver, nodeId: "here", ...dial });
  const frontend = await startSpliceFrontend({
    driver,
    listen,
    pool,
    dialer,
    table,
    settings,
    handler: told,
  });
  return { frontend, table, told, [Symbol.asyncDispose]: () => frontend.close() };
}

/** A list of networks. */
export function listOf(...networks: readonly string[]): AddressList {
  const list = AddressList.parse(networks);
  if (typeof list === "string") throw new RangeError(list);
  return list;
}

/** What a PROXY header at the beginning says, and the bytes after it. */
export function splitHeader(bytes: Uint8Array): { readonly header: ProxyHeader; readonly rest: Buffer } {
  const peek = decodeProxyHeader(bytes);
  if (peek.state !== "found") throw new Error(`no PROXY header: ${JSON.stringify(peek)}`);
  return { header: peek.value, rest: Buffer.from(bytes.subarray(peek.length)) };
}

/** Waits for a promise, but not for ever. */
export function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  return withDeadline(promise, DEADLINE_MS, what);
}

/** Settings of a frontend that wants headers from this machine. */
export const PROXIED: FrontendSettings = { proxyProtocol: { trusted: listOf("127.0.0.0/8") } };
/** The client of {@linkcode HEADER}, and where it connected to. */
export const SOURCE: TcpAddress = { host: "192.0.2.7", port: 4711 };
export const TARGET: TcpAddress = { host: "198.51.100.1", port: 443 };
/** A header without TLVs. */
export const RELAYED: Extract<ProxyHeader, { kind: "relayed" }> = {
  kind: "relayed",
  transport: "stream",
  source: SOURCE,
  destination: TARGET,
  tlvs: [],
};
/** The same, in version 2. */
export const HEADER: Uint8Array = encodeProxyHeader(RELAYED, 2);

/** Waits for the end of a client's connection, which we reset or end. */
export async function over({ recorder, connection }: Visitor): Promise<void> {
  await recorder.gone;
  connection.abort();
  await recorder.closed;
}
