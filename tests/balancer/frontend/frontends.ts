/**
 * Real servers behind a frontend, and clients before it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { assert } from "@std/assert";
import { type Clock, wait } from "../../../src/async/mod.ts";
import type { EndReason } from "../../../src/balancer/end_reason.ts";
import type { Frontend, FrontendHandler } from "../../../src/balancer/frontend/frontend.ts";
import type { BackendSpec } from "../../../src/balancer/pool/backend.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import { type Address, type Connection, NetError, nodeDriver, systemDriver } from "../../../src/net/mod.ts";
import { DEADLINE_MS, LOOPBACK, Recorder } from "../../net/recording.ts";

/** A server that says its name to each client, then gives back what it is sent, and ends when the client does. */
export interface Greeter extends AsyncDisposable {
  readonly address: Address;
  /** The clients it has now. */
  readonly clients: ReadonlySet<Connection>;
}

/** Starts a server that greets with `name`, which is one character. */
export async function greeter(name: string): Promise<Greeter> {
  const clients = new Set<Connection>();
  const listener = await systemDriver().listen(LOOPBACK, (client) => {
    clients.add(client);
    client.write(Buffer.from(name));
    return {
      data(_, chunk) {
        if (!client.write(chunk)) client.pause();
      },
      drain: () => client.resume(),
      end: () => client.end(),
      close: () => void clients.delete(client),
    };
  });
  return {
    address: listener.address,
    clients,
    async [Symbol.asyncDispose]() {
      await listener.close();
      for (const client of clients) client.abort();
    },
  };
}

/** An address on which nobody listens. */
export async function deadAddress(): Promise<Address> {
  await using listener = await systemDriver().listen(LOOPBACK, () => new Recorder());
  return listener.address;
}

/** A client, and what happened to it. */
export interface Visitor {
  readonly connection: Connection;
  readonly recorder: Recorder;
}

/** Connects to a frontend. @param host The client's own address. */
export async function visit(frontend: Pick<Frontend, "address">, host?: string): Promise<Visitor> {
  const recorder = new Recorder();
  const connection = await nodeDriver().connect(frontend.address, recorder, { localAddress: host });
  return { connection, recorder };
}

/**
 * Connects to a frontend that refuses, and waits for the end, which may come before the client has heard that it is connected.
 *
 * @param bytes What the client says, and then ends.
 */
export async function refused(
  frontend: Pick<Frontend, "address">,
  bytes?: Uint8Array,
  host?: string,
): Promise<void> {
  try {
    const { connection, recorder } = await visit(frontend, host);
    if (bytes) {
      connection.write(bytes);
      connection.end();
    }
    await recorder.gone;
    connection.abort();
    await recorder.closed;
  } catch (error) {
    assert(error instanceof NetError && error.code === "reset", String(error));
  }
}

/** Connects, and waits to be greeted. @returns The client and the name of its server. */
export async function greeted(
  frontend: Pick<Frontend, "address">,
  host?: string,
): Promise<Visitor & { readonly name: string }> {
  const visitor = await visit(frontend, host);
  await visitor.recorder.received(1);
  return { ...visitor, name: visitor.recorder.text.charAt(0) };
}

/** The names of the servers of `count` clients at once, who then leave. */
export async function namesFor(
  frontend: Pick<Frontend, "address">,
  hosts: readonly (string | undefined)[],
): Promise<string[]> {
  const visitors = await Promise.all(hosts.map((host) => greeted(frontend, host)));
  for (const { connection } of visitors) connection.end();
  await Promise.all(visitors.map(({ recorder }) => recorder.closed));
  return visitors.map(({ name }) => name);
}

/** How often each name is there. */
export function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** What a frontend told. */
export interface Told extends FrontendHandler {
  /** A line for each client that was refused, and for each failure. */
  readonly lines: string[];
  /** What was said of each client that was refused. */
  readonly details: string[];
  /** Why each client that was served is over. */
  readonly reasons: EndReason[];
}

/** A handler that keeps what it is told. */
export function record(): Told {
  const lines: string[] = [];
  const details: string[] = [];
  const reasons: EndReason[] = [];
  return {
    lines,
    details,
    reasons,
    refused(host, reason, detail) {
      lines.push(`refused ${host} ${reason}`);
      details.push(detail ?? "");
    },
    ended: (_, reason) => void reasons.push(reason),
    failed: ({ name }, error) => void lines.push(`failed ${name} ${(error as { code?: string }).code}`),
    error: (_, { during }) => void lines.push(`error ${during}`),
  };
}

/** A pool of backends that have answered once. */
export function poolAt(
  addresses: readonly Address[],
  policy: Pool["policy"] = "round-robin",
  specs: readonly Partial<BackendSpec>[] = [],
  clock?: Clock,
): Pool {
  const pool = createPool({ name: "default", policy, clock });
  for (const [index, address] of addresses.entries())
    pool.beat(pool.add({ address, ...specs[index] }), "answered");
  return pool;
}

/** Waits until what happens on other sides of a connection has been counted. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    assert(performance.now() < end, `${what} was to happen`);
    await wait(1);
  }
}
