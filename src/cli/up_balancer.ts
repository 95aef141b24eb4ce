import type { Logger } from "@logtape/logtape";
import {
  type Balancer,
  type BalancerConfiguration,
  type PolicyName,
  type Pool,
  parseConfiguration,
  startBalancer,
  startHandOverFrontend,
} from "../balancer/mod.ts";
import { type Address, formatAddress, systemDriver } from "../net/mod.ts";
import type { Registry } from "../registry/mod.ts";
import { logClients, logStates } from "./balance_log.ts";
import { logErrors } from "./log.ts";
import { onFreePort } from "./process.ts";
import type { UpServers } from "./up_servers.ts";
import type { WebSettings } from "./web_flags.ts";

/** Options for {@linkcode openUpBalancer}. */
export interface UpBalancerOptions {
  readonly values: {
    readonly listen: Address;
    readonly policy: PolicyName;
    readonly dispatch: "hand-over" | "splice";
  };
  /** Where browsers come in; undefined: nowhere. */
  readonly web: WebSettings | undefined;
  readonly registry: Registry;
  readonly log: Logger;
  /** The servers, once there are some. */
  readonly servers: () => UpServers;
}

/** Where clients come in. */
export interface UpFrontends {
  readonly tcp: Address;
  readonly web: Address | undefined;
}

/** The balancer of `chorus up`. */
export interface UpBalancer extends AsyncDisposable {
  readonly balancer: Balancer;
  /** Resolves when `count` servers are up, for all who may come. */
  allUp(count: number): Promise<true>;
  /** Lets clients in. @param given The flags that were not left at their defaults. */
  open(given: ReadonlySet<string>): Promise<UpFrontends>;
}

/** Starts the balancer, before anybody may come in. */
export async function openUpBalancer(options: UpBalancerOptions): Promise<UpBalancer> {
  const configuration = configurationOf(options);
  const { values, log, registry, servers } = options;
  const balancer = await startBalancer(
    { ...configuration, frontends: new Map() },
    {
      driver: systemDriver(),
      nodeId: "up",
      registry,
      onPool: (pool) => logStates(pool, log),
      handler: logClients(log),
      onError: logErrors(log),
      servers: {
        drain: ({ name }, graceMs) => servers().drain(name, graceMs),
        undrain: ({ name }) => servers().undrain(name),
      },
    },
  );
  const chat = poolOf(balancer, "chat");
  chat.configure({ dispatch: values.dispatch });
  chat.watch({ onState: ({ name }, _, to) => void (to === "down" && servers().at(name)?.resetUntaken()) });
  const pools = [...configuration.pools.keys()].map((name) => poolOf(balancer, name));
  return {
    balancer,
    async allUp(count) {
      await Promise.all(pools.map((pool) => allUp(pool, count)));
      return true;
    },
    open: (given) => openFrontends(balancer, configuration, options, given),
    [Symbol.asyncDispose]: () => balancer[Symbol.asyncDispose](),
  };
}

/** What a configuration file would say: a pool of the servers that announce themselves, and one of their HTTP sides. */
function configurationOf({ values, web }: UpBalancerOptions): BalancerConfiguration {
  const { listen, policy, dispatch } = values;
  // A server that is handed a connection sees the client by itself.
  const told = dispatch === "splice" ? { proxyProtocol: "v2" } : {};
  const page = web && {
    frontend: { web: { listen: formatAddress(web.listen), pool: "web" } },
    // The HTTP servers of Bun and Deno take no connection that is handed over.
    pool: { web: { policy, heartbeat: { kind: "http", path: "/health" }, proxyProtocol: "v2" } },
  };
  const text = JSON.stringify({
    frontends: { main: { listen: formatAddress(listen), pool: "chat" }, ...page?.frontend },
    pools: { chat: { policy, heartbeat: { kind: "chat" }, ...told }, ...page?.pool },
  });
  const parsed = parseConfiguration(text, "up.json");
  if ("length" in parsed) throw new Error(`Cannot start: ${JSON.stringify(parsed)}`);
  const pools = Array.from(parsed.pools, ([name, pool]) => [name, { ...pool, registry: name }] as const);
  return { ...parsed, pools: new Map(pools) };
}

function poolOf({ pools }: Balancer, name: string): Pool {
  const managed = pools.get(name);
  if (!managed) throw new Error(`Cannot start: there is no pool ${name}`);
  return managed.pool;
}

/** Resolves when `count` backends of the pool are up. */
function allUp(pool: Pool, count: number): Promise<void> {
  return new Promise((resolve) => {
    const watch = pool.watch({
      onState() {
        const up = [...pool.backends()].filter((backend) => backend.state() === "up").length;
        if (up < count) return;
        watch[Symbol.dispose]();
        resolve();
      },
    });
  });
}

async function openFrontends(
  balancer: Balancer,
  configuration: BalancerConfiguration,
  { values, web, log, servers }: UpBalancerOptions,
  given: ReadonlySet<string>,
): Promise<UpFrontends> {
  let frontends: BalancerConfiguration["frontends"] = new Map();
  /** Opens one that splices, beside those that are open. */
  async function splice(name: string, where: Address, isAskedFor: boolean): Promise<Address> {
    await onFreePort(where, isAskedFor, log, async (listen) => {
      const found = configuration.frontends.get(name);
      if (!found) throw new Error(`Cannot start: there is no frontend ${name}`);
      const next = new Map(frontends).set(name, { ...found, listen });
      await balancer.apply({ ...configuration, frontends: next });
      frontends = next;
    });
    return balancer.frontends.list().find((frontend) => frontend.name === name)?.address ?? where;
  }

  async function openMain(): Promise<Address> {
    const isAskedFor = given.has("listen");
    if (values.dispatch === "splice") return await splice("main", values.listen, isAskedFor);
    const pool = poolOf(balancer, "chat");
    const processOf = ({ name }: { name: string }) => servers().at(name);
    const frontend = await onFreePort(values.listen, isAskedFor, log, (listen) =>
      startHandOverFrontend({ name: "main", listen, pool, handler: logClients(log), processOf }),
    );
    balancer.frontends.adopt(frontend);
    return frontend.address;
  }

  const tcp = await openMain();
  return { tcp, web: web && (await splice("web", web.listen, given.has("web"))) };
}
