import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Logger } from "@logtape/logtape";
import { systemClock } from "../async/mod.ts";
import {
  chatProbe,
  createPool,
  type Frontend,
  monitor,
  type Pool,
  startHandOverFrontend,
  startSpliceFrontend,
  watchRegistry,
} from "../balancer/mod.ts";
import { localBus } from "../bus/mod.ts";
import { openWriter, serveWriter } from "../chat/mod.ts";
import { type Address, formatAddress, systemDriver } from "../net/mod.ts";
import { localRegistry } from "../registry/mod.ts";
import type { Channel } from "../server/mod.ts";
import { forFolder, type OnError } from "./backing.ts";
import { logRefusals, logStates, POLICY_NAMES, startAdminFor } from "./balance.ts";
import { checkDurable } from "./chat.ts";
import { UsageError } from "./errors.ts";
import { address, choice, text, whole, withDefault } from "./flag_kinds.ts";
import { describeFlags, parseFlags, type Values } from "./flags.ts";
import { logErrors, startLog } from "./log.ts";
import { announceReady, hint, type Interruption, onFreePort, programName } from "./process.ts";
import { adminFlag, COMMON_FLAGS, durableFlag, limitFlag, redisFlag, toLimits } from "./role_flags.ts";
import { UpServers } from "./up_servers.ts";

const FLAGS = {
  listen: withDefault(address("where clients connect"), "127.0.0.1:7000"),
  admin: withDefault(adminFlag, "127.0.0.1:7090"),
  servers: withDefault(whole(1, 64, "how many chat servers"), "3"),
  policy: withDefault(choice(POLICY_NAMES, "who gets the next client"), "round-robin"),
  dispatch: withDefault(
    choice(["hand-over", "splice"], "hand-over gives each connection to its server; splice copies its bytes"),
    "hand-over",
  ),
  data: withDefault(text("DIR", "where messages and accounts are kept; :memory: keeps nothing"), ".chorus"),
  redis: {
    ...redisFlag,
    help: "keep everything in this Redis, as one cluster with all others on it",
  },
  durable: durableFlag,
  limit: limitFlag,
  ...COMMON_FLAGS,
};

const HELP = `chorus [up] [FLAGS]

The whole cluster on this machine: a balancer and chat servers, each a process of its own, started again if it dies.
With --dispatch hand-over no byte of a connection passes through the balancer: it counts no bytes and has no idle timeout.

${describeFlags(FLAGS)}`;

/** Runs the whole cluster until it is told to end. */
export async function up(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values, given, positionals } = parseFlags("up", FLAGS, argv);
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus up takes no argument, received "${positionals[0]}"`);
  if (values.redis !== undefined && given.has("data"))
    throw new UsageError("give --redis or --data, not both");
  checkDurable(values.durable, values.redis);
  const log = await startLog({ format: values.log, level: values["log-level"], role: "up" });

  await using opened = new AsyncDisposableStack();
  const data = dataFolder(values.data, opened);
  const attach = await openParts(values, data, opened, logErrors(log));
  const pool = createPool({ name: "chat", policy: values.policy, dispatch: values.dispatch });
  logStates(pool, log);
  opened.use(monitor({ pool, probe: chatProbe(systemDriver()) }));
  opened.use(
    await watchRegistry({ registry: attach.registry, pool, clock: systemClock, onError: logErrors(log) }),
  );

  const servers = startServers(values, data, attach.channel, log);
  interrupted.onSecond(() => servers.kill());
  pool.watch({ onState: ({ name }, _, to) => void (to === "down" && servers.at(name)?.resetUntaken()) });
  opened.defer(() => servers.stop());
  const isReady = await Promise.race([
    allUp(pool, values.servers),
    servers.failed,
    interrupted.asked.then(() => false),
  ]);
  if (!isReady) return 0;
  servers.started();
  const frontend = opened.use(await startFrontend(values, given.has("listen"), pool, servers, log));
  const admin = await startAdminFor("up", values.admin, given.has("admin"), log, () => ({
    pools: [pool],
    details: { connections: frontend.connections, total: frontend.total, refused: frontend.refused },
  }));
  if (admin) opened.use(admin);
  announceReady("up", { tcp: frontend.address, admin: admin?.address });
  hint(welcome(frontend.address, admin?.address), log);

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace: values.grace });
  await Promise.all([frontend.close(values.grace), servers.stop()]);
  return 0;
}

type UpValues = Values<typeof FLAGS>;

/** The folder to keep data in; one that keeps nothing is removed at the end. */
function dataFolder(data: string, opened: AsyncDisposableStack): string {
  if (data !== ":memory:") return data;
  const folder = mkdtempSync(join(tmpdir(), "chorus-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens what the parent has for its children: the registry, and without a Redis the hub of the bus and the one writer. */
async function openParts(values: UpValues, data: string, opened: AsyncDisposableStack, onError: OnError) {
  const registry = opened.use(localRegistry());
  const attached: ((channel: Channel) => void)[] = [(channel) => registry.attach(channel)];
  if (values.redis === undefined) {
    const bus = opened.use(localBus());
    const publish = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
    const durable = values.durable ?? (values.data === ":memory:" ? "memory" : "disk");
    const writer = opened.use(await openWriter({ dir: data, hint: publish, onError, ...forFolder(durable) }));
    attached.push(
      (channel) => bus.attach(channel),
      (channel) => serveWriter(channel, writer, onError),
    );
  }
  return {
    registry,
    channel(channel: Channel): void {
      for (const attach of attached) attach(channel);
    },
  };
}

function startServers(
  values: UpValues,
  data: string,
  attach: (channel: Channel) => void,
  log: Logger,
): UpServers {
  const { servers, redis, grace, limit } = values;
  const durable =
    values.durable ?? (redis === undefined && values.data === ":memory:" ? "memory" : undefined);
  const logOptions = { format: values.log, level: values["log-level"], role: "chat" } as const;
  const configuration = { data, redis, durable, limits: toLimits(limit), graceMs: grace, log: logOptions };
  return new UpServers({ count: servers, configuration, attach, log });
}

/** Resolves when `count` backends of the pool are up. */
function allUp(pool: Pool, count: number): Promise<true> {
  return new Promise((resolve) => {
    const watch = pool.watch({
      onState() {
        const up = [...pool.backends()].filter((backend) => backend.state() === "up").length;
        if (up < count) return;
        watch[Symbol.dispose]();
        resolve(true);
      },
    });
  });
}

async function startFrontend(
  values: UpValues,
  isAskedFor: boolean,
  pool: Pool,
  servers: UpServers,
  log: Logger,
): Promise<Frontend> {
  const handler = logRefusals(log);
  const processOf = ({ name }: { name: string }) => servers.at(name);
  return await onFreePort(values.listen, isAskedFor, log, (listen) =>
    values.dispatch === "hand-over"
      ? startHandOverFrontend({ listen, pool, handler, processOf })
      : startSpliceFrontend({ driver: systemDriver(), listen, pool, handler }),
  );
}

function welcome(tcp: Address, admin: Address | undefined): string[] {
  const where = formatAddress(tcp);
  const [host, port] = "path" in tcp ? ["-U", tcp.path] : [tcp.host, tcp.port];
  return [
    `Clients connect to ${where}. Try it in two more terminals:`,
    `  ${programName()} client ${where}`,
    "or by hand, one JSON object a line:",
    `  nc ${host} ${port}`,
    '  {"type":"register","id":"1","name":"ada","password":"secret"}',
    '  {"type":"login","id":"2","name":"ada","password":"secret"}',
    ...(admin ? [`The balancer's state: curl http://${formatAddress(admin)}/api/pools`] : []),
    "Ctrl-C ends it.",
  ];
}
