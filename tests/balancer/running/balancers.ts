/**
 * Balancers of a configuration in this process, and clients of theirs.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { BalancerConfiguration } from "../../../src/balancer/configuration/contract.ts";
import { parseConfiguration } from "../../../src/balancer/configuration/parse.ts";
import type { Frontend } from "../../../src/balancer/frontend/frontend.ts";
import { type Balancer, startBalancer } from "../../../src/balancer/running/balancer.ts";
import type { BalancerOptions } from "../../../src/balancer/running/balancer_options.ts";
import { formatAddress, systemDriver } from "../../../src/net/mod.ts";
import { type Greeter, greeted, type Visitor, visit } from "../frontend/frontends.ts";

/** Any free port. */
export const LISTEN = "127.0.0.1:0";

/** A configuration in the form of the file. */
export function configured(file: object): BalancerConfiguration {
  const parsed = parseConfiguration(JSON.stringify(file), "/test/chorus.json");
  assert(!("length" in parsed), JSON.stringify(parsed));
  return parsed;
}

/** A pool of servers, of which no heartbeat is asked. */
export function poolOf(servers: readonly Greeter[], more: object = {}): object {
  return {
    backends: servers.map(({ address }) => formatAddress(address)),
    heartbeat: { kind: "none" },
    ...more,
  };
}

/** Starts a balancer. `errors` are those that it has reported. */
export async function start(
  file: object,
  options: Partial<BalancerOptions> = {},
): Promise<Balancer & { readonly errors: unknown[] }> {
  const errors: unknown[] = [];
  const balancer = await startBalancer(configured(file), {
    driver: systemDriver(),
    nodeId: "test",
    onError: (error) => errors.push(error),
    ...options,
  });
  return Object.assign(balancer, { errors });
}

/** Where a frontend listens. */
export function at(balancer: Balancer, name: string): Frontend {
  const frontend = balancer.frontends.all.get(name)?.frontend;
  assert(frontend, `there is no frontend ${name}`);
  return frontend;
}

/** Clients who leave with the test. */
export class Guests implements Disposable {
  readonly #visitors: Visitor[] = [];

  async greeted(frontend: Pick<Frontend, "address">): Promise<Visitor & { readonly name: string }> {
    const visitor = await greeted(frontend);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Connects, and says nothing. */
  async visit(frontend: Pick<Frontend, "address">): Promise<Visitor> {
    const visitor = await visit(frontend);
    this.#visitors.push(visitor);
    return visitor;
  }

  [Symbol.dispose](): void {
    for (const { connection } of this.#visitors) connection.abort();
  }
}

/** Says something and waits until it has come back: the connection lives. */
export async function echo({ connection, recorder }: Visitor): Promise<void> {
  const before = recorder.bytes;
  connection.write(new TextEncoder().encode("hello"));
  await recorder.received(before + 5);
}
