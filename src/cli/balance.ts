import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { Logger } from "@logtape/logtape";
import type { HealthReport } from "../admin/mod.ts";
import {
  type Backend,
  type Balancer,
  type BalancerConfiguration,
  capacityOf,
  checkFiles,
  isServingState,
  Operations,
  openStateFile,
  type Pool,
  type StateFile,
  startBalancer,
  type Workers,
  watchFile,
  workedOperations,
} from "../balancer/mod.ts";
import { type Address, formatAddress, systemDriver, type TcpAddress } from "../net/mod.ts";
import { failedBy, readConfiguration } from "./balance_configuration.ts";
import { type BalanceRequest, readBalanceFlags } from "./balance_flags.ts";
import { logClients, logStates } from "./balance_log.ts";
import { makeWorkers, usageWith } from "./balance_workers.ts";
import { type LogOptions, logErrors, startLog } from "./log.ts";
import { writeLines } from "./output.ts";
import { announceReady, type Interruption, onFreePort } from "./process.ts";
import { Registries } from "./registries.ts";
import { Reloading } from "./reloading.ts";
import { openAdminToken } from "./role_flags.ts";
import { serveAdmin } from "./serve_admin.ts";
import { stopServing } from "./stopping.ts";

/** Where operators look unless told otherwise. */
const ADMIN: TcpAddress = { host: "127.0.0.1", port: 7090 };

/** Runs one balancer until it is told to end. */
export async function balance(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const request = readBalanceFlags(argv);
  if (request.help !== undefined) {
    await writeLines([request.help]);
    return 0;
  }
  const configuration = readConfiguration(request);
  if (request.isCheck) return await check(request, configuration);
  const { admin } = configuration;
  const token = openAdminToken(admin.listen ?? ADMIN, admin.tokenFile);
  const log = await startLog(logOptionsOf(request, configuration));
  await using opened = new AsyncDisposableStack();
  // Until there is something to be read again, nothing is.
  interrupted.onHangUp(() => undefined);
  const { balancer, workers, registries, listen } = await open(request, configuration, opened, log);
  // Where the default port was taken, it stays where it is.
  const read = (): BalancerConfiguration => {
    const found = readConfiguration(request);
    return listen === undefined ? found : listeningOn(found, listen);
  };
  const onApplied = workers?.publish.bind(workers);
  const onRefused = failedBy.bind(undefined, request);
  const reloading = new Reloading({ read, balancer, registries, log, onApplied, onRefused });
  if (request.file !== undefined) opened.use(await watchFile(resolve(request.file), () => reloading.ask()));
  interrupted.onHangUp(() => reloading.ask());
  const operations = new Operations(balancer);
  if (workers) Object.assign(operations, workedOperations(operations, workers));
  const server = await serveAdmin({
    listen: admin.listen ?? ADMIN,
    isAskedFor: admin.listen !== undefined,
    token,
    control: Object.assign(operations, {
      health: () => healthOf("balance", balancer),
      reload: () => reloading.run(),
    }),
    log,
    usage: () => usageWith(workers),
  });
  if (server) opened.use(server);
  for (const { name, address, pool } of balancer.frontends.list())
    log.info("frontend {name} listens on {address} for pool {pool}", {
      name,
      address: formatAddress(address),
      pool: pool.name,
    });
  announceReady("balance", { tcp: firstAddress(balancer), admin: server?.address });

  await interrupted.asked;
  interrupted.onSecond(() => workers?.kill());
  const graceMs = graceOf(request, balancer.settings?.configuration ?? configuration);
  log.info("stopping: clients have {grace} ms to leave", { grace: graceMs });
  // The workers first: what becomes of the balancer's pools is no news to those who let their clients leave.
  const close = async (): Promise<void> =>
    void (await Promise.all([workers?.stop(graceMs), balancer.close(graceMs)]));
  await stopServing({ graceMs, ending: registries.ending, close });
  return 0;
}

interface Opened {
  readonly balancer: Balancer;
  readonly workers: Workers | undefined;
  readonly registries: Registries;
  /** Where it listens instead of where it was to, which was taken. */
  readonly listen: Address | undefined;
}

/** Starts the balancer and what it needs. */
async function open(
  request: BalanceRequest,
  configuration: BalancerConfiguration,
  opened: AsyncDisposableStack,
  log: Logger,
): Promise<Opened> {
  const onError = logErrors(log);
  const registries = opened.use(new Registries(onError));
  const state = await openState(configuration, log);
  if (state) opened.use(state);
  for (const warning of warningsOf(configuration)) log.warn("{warning}", { warning });
  const nodeId = configuration.nodeId ?? `balance-${randomBytes(6).toString("hex")}`;
  const workers = makeWorkers({
    configuration,
    capacity: capacityOf(configuration),
    nodeId,
    graceMs: graceOf(request, configuration),
    logOptions: logOptionsOf(request, configuration),
    log,
  });
  const options = {
    driver: systemDriver(),
    nodeId,
    registryAt: registries.at.bind(registries),
    onPool(pool: Pool) {
      logStates(pool, log);
      workers?.follow(pool);
    },
    handler: logClients(log),
    onError,
    servers: workers?.servers,
    startStream: workers?.startStream.bind(workers),
    state,
  };
  const isGiven = request.file !== undefined || request.given.has("listen");
  const [first] = configuration.frontends.values();
  let listen: Address | undefined;
  const start = (free: Address): Promise<Balancer> => {
    listen = free === first?.listen ? undefined : free;
    return startBalancer(listeningOn(configuration, free), options);
  };
  const started = first
    ? onFreePort(first.listen, isGiven, log, start)
    : startBalancer(configuration, options);
  const balancer = opened.use(
    await started.catch((error: unknown) => failedBy(request, configuration, error)),
  );
  if (workers) await opened.use(workers).start(balancer.settings?.configuration ?? configuration);
  return { balancer, workers, registries, listen };
}

/** The configuration with its first frontend at another address. */
export function listeningOn(configuration: BalancerConfiguration, listen: Address): BalancerConfiguration {
  const [first] = configuration.frontends.values();
  if (!first || first.listen === listen) return configuration;
  return {
    ...configuration,
    frontends: new Map(configuration.frontends).set(first.name, { ...first, listen }),
  };
}

async function check(request: BalanceRequest, configuration: BalancerConfiguration): Promise<number> {
  const wrong = await checkFiles(configuration);
  if (wrong) failedBy(request, configuration, wrong);
  const { frontends, pools } = configuration;
  await writeLines([
    ...warningsOf(configuration).map((warning) => `warning: ${warning}`),
    `the configuration is right: ${counted(frontends.size, "frontend")}, ${counted(pools.size, "pool")}`,
  ]);
  return 0;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** What is allowed and hardly meant. */
function warningsOf(configuration: BalancerConfiguration): string[] {
  const idle = Array.from(configuration.pools.values()).filter(
    ({ policy, backends }) =>
      policy === "round-robin" && backends.some(({ weight }) => weight !== 1 && weight !== 0),
  );
  const warnings = idle.map(
    ({ name }) => `pool "${name}" has weights, which round-robin does not look at; weighted does`,
  );
  const { warning } = capacityOf(configuration);
  return warning === undefined ? warnings : [...warnings, warning];
}

/** Opens the file that keeps what is changed at run time, where one is wanted. */
async function openState({ state }: BalancerConfiguration, log: Logger): Promise<StateFile | undefined> {
  if (state === undefined) return undefined;
  const opened = await openStateFile(state);
  if (opened.damage !== undefined) log.warn("{damage}", { damage: opened.damage });
  return opened;
}

function logOptionsOf({ given, common }: BalanceRequest, { log }: BalancerConfiguration): LogOptions {
  return {
    format: given.has("log") ? common.log : log.format,
    level: given.has("log-level") ? common["log-level"] : (log.level ?? common["log-level"]),
    role: "balance",
  };
}

function graceOf({ given, common }: BalanceRequest, { graceMs }: BalancerConfiguration): number {
  return given.has("grace") ? common.grace : graceMs;
}

/** What `GET /health` says of a balancer: it is healthy while it takes clients and has a backend for them. */
export function healthOf(role: string, balancer: Balancer): HealthReport {
  const pools = Array.from(balancer.pools.values(), ({ pool }) => pool);
  const backends = pools.flatMap((pool) => [...pool.backends()]);
  const isUp = (backend: Backend): boolean => isServingState(backend.state());
  const serves = (pool: Pool): boolean =>
    !pool.isDraining && Array.from(pool.backends()).some((backend) => isUp(backend) && backend.weight > 0);
  const up = backends.filter(isUp).length;
  const frontends = balancer.frontends.list();
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
  return {
    healthy: frontends.some(({ isDraining, pool }) => !isDraining && serves(pool)),
    role,
    backends: backends.length,
    up,
    connections: sum(frontends.map(({ connections }) => connections)),
    total: sum(frontends.map(({ counters }) => counters.total)),
    refused: sum(frontends.map(({ counters }) => counters.refusedTotal)),
  };
}

/** Where the first frontend of streams listens, or else the first of all. */
function firstAddress({ frontends }: Balancer): Address | undefined {
  const all = [...frontends.all.values()];
  return (all.find(({ protocol }) => protocol !== "udp") ?? all[0])?.frontend.address;
}
