import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { type PolicyName, policies } from "../balancer/mod.ts";
import { PASSWORD_COST, type TokenVerifierOptions } from "../chat/mod.ts";
import { type Address, formatAddress } from "../net/mod.ts";
import { localRegistry } from "../registry/mod.ts";
import type { Channel } from "../server/mod.ts";
import type { OnError } from "./backing.ts";
import { checkStore } from "./chat_flags.ts";
import { openHubs } from "./child_backing.ts";
import { UsageError } from "./errors.ts";
import { address, choice, text, whole, withDefault } from "./flag_kinds.ts";
import { describeFlags, parseFlags, type Values } from "./flags.ts";
import { logErrors, startLog } from "./log.ts";
import { writeLines } from "./output.ts";
import { announceReady, hint, type Interruption, programName } from "./process.ts";
import {
  adminFlag,
  adminTokenFlag,
  COMMON_FLAGS,
  durableFlag,
  limitFlag,
  openAdminToken,
  passwordCostFlag,
  redisFlag,
  toLimits,
} from "./role_flags.ts";
import { serveAdmin } from "./serve_admin.ts";
import { readTokenSettings, TOKEN_FLAGS } from "./token_flags.ts";
import { openUpBalancer } from "./up_balancer.ts";
import { upControl } from "./up_control.ts";
import { UpDesk } from "./up_desk.ts";
import { UpServers } from "./up_servers.ts";
import { type WebSettings, webFlag, webOriginFlag, webSettings } from "./web_flags.ts";

/** The policies that need not look into what clients say: a connection that is handed over is handed over unread. */
const POLICY_NAMES = (Object.keys(policies) as PolicyName[]).filter((name) => name !== "key-hash");

const FLAGS = {
  listen: withDefault(address("where clients connect"), "127.0.0.1:7000"),
  web: withDefault(webFlag, "127.0.0.1:7080"),
  "web-origin": webOriginFlag,
  admin: withDefault(adminFlag, "127.0.0.1:7090"),
  "admin-token": adminTokenFlag,
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
  "password-cost": withDefault(passwordCostFlag, `${PASSWORD_COST}`),
  ...TOKEN_FLAGS,
  ...COMMON_FLAGS,
};

const HELP = `chorus [up] [FLAGS]

The whole cluster on this machine: a balancer and chat servers, each a process of its own, started again if it dies.
With --dispatch hand-over no byte of a connection passes through the balancer: it counts no bytes and has no idle timeout.
What comes by --web or by a unix socket is always spliced.

${describeFlags(FLAGS)}`;

/** Runs the whole cluster until it is told to end. */
export async function up(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values: parsed, given, positionals } = parseFlags("up", FLAGS, argv);
  if (parsed.help) {
    await writeLines([HELP]);
    return 0;
  }
  const values = { ...parsed, dispatch: dispatchOf(parsed, given) };
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus up takes no argument, received "${positionals[0]}"`);
  checkStore(values, given);
  const web = webSettings(values);
  const token = openAdminToken(values.admin, values["admin-token"]);
  const tokens = (await readTokenSettings(values))?.options;
  const log = await startLog({ format: values.log, level: values["log-level"], role: "up" });

  await using opened = new AsyncDisposableStack();
  const data = dataFolder(values.data);
  const attach = await openParts(values, data, opened, logErrors(log));
  const { registry } = attach;
  const balancer = opened.use(await openUpBalancer({ values, web, registry, log, servers: () => servers }));

  const servers = startServers({ values, data, web, tokens, attach: attach.channel, log });
  interrupted.onSecond(() => servers.kill());
  opened.defer(() => servers.stop());
  const isReady = await Promise.race([
    balancer.allUp(values.servers),
    servers.failed,
    interrupted.asked.then(() => false),
  ]);
  if (!isReady) return 0;
  servers.started();
  const at = await balancer.open(given);
  const admin = await serveAdmin({
    listen: values.admin,
    isAskedFor: given.has("admin"),
    token,
    control: upControl(balancer.balancer, attach.desk, (address) => servers.at(address) !== undefined),
    log,
  });
  if (admin) opened.use(admin);
  announceReady("up", { tcp: at.tcp, web: at.web, admin: admin?.address });
  hint(welcome(at.tcp, at.web, admin?.address), log);

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace: values.grace });
  await Promise.all([balancer.balancer.close(values.grace), servers.stop()]);
  return 0;
}

type UpValues = Values<typeof FLAGS>;

/** Not every runtime can give a connection by a unix socket to another process. */
function dispatchOf({ listen, dispatch }: UpValues, given: ReadonlySet<string>): UpValues["dispatch"] {
  if (!("path" in listen) || dispatch === "splice") return dispatch;
  if (given.has("dispatch"))
    throw new UsageError(
      `--dispatch hand-over takes no unix socket, received --listen ${formatAddress(listen)}; use --dispatch splice`,
    );
  return "splice";
}

/** The folder to keep data in; one that keeps nothing is removed when the process ends. */
function dataFolder(data: string): string {
  if (data !== ":memory:") return data;
  const folder = mkdtempSync(join(tmpdir(), "chorus-"));
  // A second signal ends the process without disposing of anything.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/**
 * Opens what the parent has for its children: the registry and the desk of operators, and without a Redis the hubs of the bus and of
 * presence, and the one writer.
 */
async function openParts(values: UpValues, data: string, opened: AsyncDisposableStack, onError: OnError) {
  const registry = opened.use(localRegistry());
  const desk = new UpDesk();
  const attached: ((channel: Channel) => void)[] = [
    (channel) => registry.attach(channel),
    (channel) => desk.attach(channel),
  ];
  if (values.redis === undefined) {
    const durable = values.durable ?? (values.data === ":memory:" ? "memory" : "disk");
    attached.push(await openHubs({ data, durable, onError }, opened));
  }
  return {
    registry,
    desk,
    channel(channel: Channel): void {
      for (const attach of attached) attach(channel);
    },
  };
}

interface ServersStart {
  readonly values: UpValues;
  readonly data: string;
  readonly web: WebSettings | undefined;
  readonly tokens: TokenVerifierOptions | undefined;
  readonly attach: (channel: Channel) => void;
  readonly log: Logger;
}

function startServers({ values, data, web, tokens, attach, log }: ServersStart): UpServers {
  const { servers, redis, grace, limit } = values;
  const durable =
    values.durable ?? (redis === undefined && values.data === ":memory:" ? "memory" : undefined);
  const logOptions = { format: values.log, level: values["log-level"], role: "chat" } as const;
  const limits = toLimits(limit);
  const settings = { durable, limits, tokens, passwordCost: values["password-cost"] };
  // The balancer listens where clients come; each server finds a port of its own.
  const own = web && { ...web, listen: { host: "127.0.0.1", port: 0 } };
  const configuration = { data, redis, web: own, ...settings, graceMs: grace, log: logOptions };
  return new UpServers({ count: servers, configuration, attach, log });
}

function welcome(tcp: Address, web: Address | undefined, admin: Address | undefined): string[] {
  const where = formatAddress(tcp);
  const [host, port] = "path" in tcp ? ["-U", tcp.path] : [tcp.host, tcp.port];
  return [
    ...(web ? [`Chat in a browser: http://${formatAddress(web)}/`] : []),
    `Clients connect to ${where}. Try it in two more terminals:`,
    `  ${programName()} client ${where}`,
    "or by hand, one JSON object a line:",
    `  nc ${host} ${port}`,
    '  {"type":"register","id":"1","name":"ada","password":"secret"}',
    '  {"type":"login","id":"2","name":"ada","password":"secret"}',
    ...(admin ? [`What runs, in a browser: http://${formatAddress(admin)}/`] : []),
    "Ctrl-C ends it.",
  ];
}
