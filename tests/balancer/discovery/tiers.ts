/**
 * Balancers and servers that find each other in a real Redis.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { assert } from "@std/assert";
import { withDeadline } from "../../../src/async/mod.ts";
import { Membership } from "../../../src/balancer/discovery/membership.ts";
import { watchRegistry } from "../../../src/balancer/discovery/registry_source.ts";
import { announceTier } from "../../../src/balancer/discovery/tier.ts";
import { Dialer } from "../../../src/balancer/frontend/dialer.ts";
import { type SpliceFrontend, startSpliceFrontend } from "../../../src/balancer/frontend/splice_frontend.ts";
import { monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import { tcpProbe } from "../../../src/balancer/probe/mod.ts";
import { type Address, AddressList, formatAddress, nodeDriver } from "../../../src/net/mod.ts";
import { redisRegistry } from "../../../src/registry/mod.ts";
import { DEADLINE_MS } from "../../helpers.ts";

const LOOPBACK: Address = { host: "127.0.0.1", port: 0 };

/** What a balancer of a test is. */
export interface TierSpec {
  readonly redis: string;
  readonly nodeId: string;
  /** The pool of the registry that it serves. */
  readonly serves: string;
  /** The pool that it is announced into; absent for the outermost. */
  readonly into?: string;
}

/** A balancer that runs. */
export interface TierBalancer extends AsyncDisposable {
  readonly pool: Pool;
  readonly frontend: SpliceFrontend;
  readonly errors: string[];
  /** Resolves when a backend fits. */
  has(what: string, fits: (backend: Backend) => boolean): Promise<Backend>;
}

/** Starts a balancer as a process of its own would. Those that are announced read PROXY headers. */
export async function startTier(spec: TierSpec): Promise<TierBalancer> {
  const { redis, nodeId, serves, into } = spec;
  await using stack = new AsyncDisposableStack();
  const errors: string[] = [];
  const onError = (error: unknown): void => void errors.push(String(error));
  const driver = nodeDriver();
  const registry = stack.use(await redisRegistry({ url: redis, onError }));
  const heartbeat = { intervalMs: 200 };
  const pool = stack.use(createPool({ name: serves, policy: "round-robin", heartbeat }));
  const dialer = new Dialer({ driver, nodeId });
  stack.use(monitor({ pool, probe: dialer.probe(tcpProbe) }));
  const membership = stack.use(new Membership(pool, { onError }));
  stack.use(await watchRegistry({ registry, membership, nodeId, onError }));
  const trusted = AddressList.parse(["127.0.0.0/8"]);
  assert(typeof trusted !== "string");
  const settings = into === undefined ? {} : { proxyProtocol: { trusted } };
  const frontend = stack.use(await startSpliceFrontend({ driver, listen: LOOPBACK, pool, dialer, settings }));
  if (into !== undefined) {
    const { address } = frontend;
    assert("port" in address);
    const announced = { pool: into, address, proxy: 2 } as const;
    stack.use(await announceTier({ registry, nodeId, announced, pools: [pool], serves: [serves], onError }));
  }
  const running = stack.move();
  return {
    pool,
    frontend,
    errors,
    has: (what, fits) => backendOf(pool, what, fits),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Waits for something of a pool that no event tells alone: it is looked at after each event, and while the weights change. */
async function backendOf(pool: Pool, what: string, fits: (backend: Backend) => boolean): Promise<Backend> {
  const found = Promise.withResolvers<Backend>();
  const look = (): void => {
    for (const backend of pool.backends()) if (fits(backend)) found.resolve(backend);
  };
  using _ = pool.watch({ onAdd: look, onRemove: look, onState: look });
  // A change of weight is no event.
  const timer = setInterval(look, 20);
  try {
    look();
    return await withDeadline(found.promise, DEADLINE_MS, `see ${what}`);
  } finally {
    clearInterval(timer);
  }
}

/** A server that says its name to each client and ends, announced in a Redis into the pool `chat`. */
export async function startServer(redis: string, name: string): Promise<AsyncDisposable> {
  const listener = await nodeDriver().listen(LOOPBACK, (client) => {
    client.write(Buffer.from(name));
    client.end();
    return { data: () => undefined, end: () => undefined, close: () => undefined };
  });
  const registry = await redisRegistry({ url: redis });
  await registry.announce({
    id: name,
    tcp: formatAddress(listener.address),
    weight: 1,
    capacity: 0,
    draining: false,
  });
  return {
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await listener.close();
    },
  };
}

/** Connects as a client. @returns What the server says; empty when it was refused. */
export async function visit(balancer: TierBalancer): Promise<string> {
  const said: Uint8Array[] = [];
  const over = Promise.withResolvers<string>();
  const done = (): void => over.resolve(Buffer.concat(said).toString());
  await nodeDriver().connect(balancer.frontend.address, {
    data: (_, chunk) => void said.push(chunk),
    end: (connection) => connection.end(),
    close: done,
  });
  return await withDeadline(over.promise, DEADLINE_MS, "see the connection end");
}
