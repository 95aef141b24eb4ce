import process from "node:process";
import type { Logger } from "@logtape/logtape";
import { type AdminServer, startAdmin } from "../admin/mod.ts";
import { systemClock } from "../async/mod.ts";
import {
  type BackendSpec,
  chatProbe,
  createPool,
  type FrontendHandler,
  httpProbe,
  monitor,
  noProbe,
  type PolicyName,
  type Pool,
  type Probe,
  policies,
  startSpliceFrontend,
  tcpProbe,
  watchRegistry,
} from "../balancer/mod.ts";
import { type Driver, formatAddress, parseAddress, systemDriver } from "../net/mod.ts";
import { redisRegistry } from "../registry/mod.ts";
import { UsageError } from "./errors.ts";
import { address, choice, parseWeight, repeated, withDefault } from "./flag_kinds.ts";
import { describeFlags, type Flag, parseFlags, Wrong } from "./flags.ts";
import { logErrors, startLog, wordsOf } from "./log.ts";
import { announceReady, type Interruption, onFreePort } from "./process.ts";
import { adminFlag, COMMON_FLAGS, redisFlag } from "./role_flags.ts";

/** The names of the policies, as flags take them. Not `key-hash`: no flag says yet what the key of a client is. */
export const POLICY_NAMES: readonly PolicyName[] = (Object.keys(policies) as PolicyName[]).filter(
  (name) => name !== "key-hash",
);

const backendFlag: Flag<BackendSpec> = {
  value: "HOST:PORT[,weight=N][,backup]",
  help: "a server to send clients to",
  parse: parseBackend,
};

const FLAGS = {
  listen: withDefault(address("where clients connect"), "127.0.0.1:7000"),
  backend: repeated(backendFlag),
  policy: withDefault(choice(POLICY_NAMES, "who gets the next client"), "round-robin"),
  heartbeat: choice(
    ["tcp", "chat", "http", "none"],
    "how backends are probed: connect, ping, GET /, not at all (chat with --redis, else tcp)",
  ),
  redis: { ...redisFlag, help: "the Redis where chat servers announce themselves" },
  admin: withDefault(adminFlag, "127.0.0.1:7090"),
  ...COMMON_FLAGS,
};

const PROBES: Readonly<Record<"tcp" | "chat" | "http" | "none", (driver: Driver) => Probe>> = {
  tcp: tcpProbe,
  chat: chatProbe,
  http: httpProbe,
  none: () => noProbe,
};

const HELP = `chorus balance --backend HOST:PORT … | --redis URL [FLAGS]

One balancer before the servers that are named, or before the chat servers that announce themselves in a Redis.

${describeFlags(FLAGS)}`;

/** Runs one balancer until it is told to end. */
export async function balance(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values, given, positionals } = parseFlags("balance", FLAGS, argv);
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus balance takes no argument, received "${positionals[0]}"`);
  if ((values.redis === undefined) === (values.backend.length === 0)) {
    throw new UsageError(
      "say where clients go: by --backend HOST:PORT, once for each server, or by --redis URL",
    );
  }
  const log = await startLog({ format: values.log, level: values["log-level"], role: "balance" });
  const onError = logErrors(log);
  const driver = systemDriver();

  const pool = createPool({ name: values.redis === undefined ? "default" : "chat", policy: values.policy });
  await using opened = new AsyncDisposableStack();
  logStates(pool, log);
  const heartbeat = values.heartbeat ?? (values.redis === undefined ? "tcp" : "chat");
  opened.use(monitor({ pool, probe: PROBES[heartbeat](driver) }));
  if (values.redis === undefined) addBackends(pool, values.backend);
  else {
    const registry = opened.use(await redisRegistry({ url: values.redis, onError }));
    opened.use(await watchRegistry({ registry, pool, clock: systemClock, onError }));
  }
  const frontend = opened.use(
    await onFreePort(values.listen, given.has("listen"), log, (listen) =>
      startSpliceFrontend({ driver, listen, pool, handler: logRefusals(log) }),
    ),
  );
  const admin = await startAdminFor("balance", values.admin, given.has("admin"), log, () => ({
    pools: [pool],
    details: { connections: frontend.connections, total: frontend.total, refused: frontend.refused },
  }));
  if (admin) opened.use(admin);
  announceReady("balance", { tcp: frontend.address, admin: admin?.address });

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace: values.grace });
  await frontend.close(values.grace);
  return 0;
}

function parseBackend(found: string): BackendSpec | Wrong {
  const [where = "", ...options] = found.split(",");
  const backend = parseAddress(where);
  if (typeof backend === "string") return new Wrong(backend);
  let spec: BackendSpec = { address: backend };
  for (const option of options) {
    const [name, value = ""] = option.split("=", 2);
    if (option === "backup") {
      spec = { ...spec, backup: true };
    } else if (name === "weight") {
      const weight = parseWeight(value);
      if (weight instanceof Wrong) return weight;
      spec = { ...spec, weight };
    } else return new Wrong(`"${option}" of "${found}" is neither weight=N nor backup`);
  }
  return spec;
}

function addBackends(pool: Pool, backends: readonly BackendSpec[]): void {
  for (const spec of backends) {
    if (pool.find(formatAddress(spec.address))) {
      throw new UsageError(`--backend: ${formatAddress(spec.address)} is named twice`);
    }
    pool.add(spec);
  }
}

/** Logs every change of a backend once. */
export function logStates(pool: Pool, log: Logger): void {
  pool.watch({
    onAdd: ({ name, source }) =>
      log.info("backend {name} joined pool {pool} from {source}", { name, pool: pool.name, source }),
    onRemove: ({ name }) => log.info("backend {name} left pool {pool}", { name, pool: pool.name }),
    onState: ({ name, health }, from, to) =>
      log.info("backend {name} is {to}, was {from}; missed {missed}", {
        name,
        from,
        to,
        missed: health.missed,
      }),
  });
}

/** Logs the clients that could not be served. */
export function logRefusals(log: Logger): FrontendHandler {
  return {
    refused: (host, reason) => log.warn("client {host} refused: {reason}", { host, reason }),
    failed: ({ name }, error) =>
      log.debug("backend {name} not reached: {error}", { name, error: wordsOf(error) }),
    error: logErrors(log),
  };
}

/** What the admin server shows of a role. */
export interface Shown {
  readonly pools: readonly Pool[];
  readonly details: Readonly<Record<string, unknown>>;
}

/** Starts the admin server of a balancing role; where its default port is taken, on another one with a warning. */
export async function startAdminFor(
  role: string,
  listen: { readonly host: string; readonly port: number } | "none",
  isAskedFor: boolean,
  log: Logger,
  show: () => Shown,
): Promise<AdminServer | undefined> {
  if (listen === "none") return undefined;
  const options = {
    pools: () => show().pools.map((pool) => pool.list()),
    health() {
      const { pools, details } = show();
      const backends = pools.flatMap((pool) => pool.list().backends);
      const up = backends.filter(({ state }) => state === "up" || state === "suspect").length;
      return { healthy: up > 0, role, backends: backends.length, up, ...details };
    },
  };
  return await onFreePort(listen, isAskedFor, log, (free) => startAdmin({ listen: free, ...options }));
}
