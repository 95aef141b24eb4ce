import { randomBytes } from "node:crypto";
import type { Logger } from "@logtape/logtape";
import type { AdminToken } from "../admin/mod.ts";
import { systemClock } from "../async/mod.ts";
import { type ChatServer, localAdmission, PASSWORD_COST, startChatServer } from "../chat/mod.ts";
import { type Address, descriptorLimit, systemDriver } from "../net/mod.ts";
import type { Announced } from "../registry/mod.ts";
import { openBacking } from "./backing.ts";
import { announceChat } from "./chat_announcing.ts";
import { chatControl } from "./chat_control.ts";
import { advertisedAddress, type ChatValues, checkStore } from "./chat_flags.ts";
import { UsageError } from "./errors.ts";
import { address, choice, repeated, text, weight, whole, withDefault } from "./flag_kinds.ts";
import { describeFlags, parseFlags } from "./flags.ts";
import { logErrors, startLog } from "./log.ts";
import { writeLines } from "./output.ts";
import { announceReady, type Interruption, onFreePort } from "./process.ts";
import {
  adminFlag,
  adminTokenFlag,
  COMMON_FLAGS,
  durableFlag,
  limitFlag,
  openAdminToken,
  passwordCostFlag,
  redisFlag,
  toAddressList,
  toLimits,
  trustedFlag,
} from "./role_flags.ts";
import { serveAdmin } from "./serve_admin.ts";
import { stopServing } from "./stopping.ts";
import { readTokenSettings, TOKEN_FLAGS, type TokenSettings } from "./token_flags.ts";
import { advertisedWeb, type WebSettings, webFlag, webOriginFlag, webSettings } from "./web_flags.ts";
import { countWorkers } from "./worker_count.ts";

const FLAGS = {
  listen: withDefault(address("where clients connect"), "127.0.0.1:7001"),
  web: withDefault(webFlag, "none"),
  "web-origin": webOriginFlag,
  admin: withDefault(adminFlag, "none"),
  "admin-token": adminTokenFlag,
  id: text("ID", "the server's name (default chat- and a random word)"),
  advertise: address("where balancers reach it (default: where it listens)"),
  weight: withDefault(weight("its share of new clients compared with others"), "1"),
  capacity: withDefault(
    whole(0, 10_000_000, "the connections it can hold, as announced; 0 says nothing"),
    "0",
  ),
  workers: whole(1, 256, "event loops behind the one port (default 1, or what --max-connections takes)"),
  "worker-kind": withDefault(
    choice(
      ["processes", "threads"],
      "what each of several workers is; threads share the files of one process",
    ),
    "processes",
  ),
  "max-connections": whole(1, 10_000_000, "the most clients at once (default: what open files allow)"),
  redis: redisFlag,
  data: withDefault(text("DIR", "where it keeps its data without a Redis"), ".chorus"),
  durable: durableFlag,
  trusted: repeated(trustedFlag),
  limit: limitFlag,
  "password-cost": withDefault(passwordCostFlag, `${PASSWORD_COST}`),
  ...TOKEN_FLAGS,
  ...COMMON_FLAGS,
};

const HELP = `chorus chat [FLAGS]

One chat server. With --redis it forms one cluster with every other server on the same Redis, and balancers started with
\`chorus balance --redis\` find it; without, it stands for itself and keeps its data in --data. With --workers it has several
event loops behind its port, and is still one server for balancers, operators and limits: a worker that dies takes only its own
connections with it, and is started again.

${describeFlags(FLAGS)}`;

/** What a chat server is started with, however many workers it has. */
export interface ChatStart {
  readonly values: ChatValues;
  readonly given: ReadonlySet<string>;
  /** Where balancers reach it, where that is not where it listens. */
  readonly advertised: Address | undefined;
  readonly web: WebSettings | undefined;
  readonly token: AdminToken | undefined;
  readonly tokens: TokenSettings | undefined;
  readonly workers: number;
  readonly log: Logger;
  readonly interrupted: Interruption;
}

/** Runs one chat server until it is told to end. */
export async function chat(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values, given, positionals } = parseFlags("chat", FLAGS, argv);
  if (values.help) {
    await writeLines([HELP]);
    return 0;
  }
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus chat takes no argument, received "${positionals[0]}"`);
  checkStore(values, given);
  if (values.data === ":memory:")
    throw new UsageError('--data: chat takes a folder, found ":memory:", which only up takes');
  const advertised = advertisedAddress(values);
  const web = webSettings(values);
  const { workers, fitting } = countWorkers({
    workers: values.workers,
    kind: values["worker-kind"],
    maxConnections: values["max-connections"],
  });
  if (workers > 1 && "path" in values.listen)
    throw new UsageError("--workers: a unix socket cannot be shared by several; listen on HOST:PORT");
  const token = openAdminToken(values.admin, values["admin-token"]);
  const tokens = await readTokenSettings(values);
  const log = await startLog({ format: values.log, level: values["log-level"], role: "chat" });
  sayWhatFits(values["max-connections"], workers, fitting, log);
  const start = { values, given, advertised, web, token, tokens, workers, log, interrupted };
  if (workers === 1) return await serveAlone(start);
  const { serveWithWorkers } = await import("./chat_parent.ts");
  return await serveWithWorkers(start);
}

/** Says how many connections fit, where that is not as one would expect. */
function sayWhatFits(asked: number | undefined, workers: number, fitting: number, log: Logger): void {
  const details = { asked, workers, fitting, files: descriptorLimit() };
  if (asked !== undefined && asked > fitting) {
    const words = "{asked} connections are asked for and {fitting} fit, with --workers {workers}";
    log.warn(`${words} and {files} open files a process; raise the limit (ulimit -n)`, details);
  } else if (workers > 1 && fitting !== Number.POSITIVE_INFINITY) {
    log.info(
      "{workers} workers have room for {fitting} connections: each process may open {files} files",
      details,
    );
  }
}

/** One process, one event loop. */
async function serveAlone(start: ChatStart): Promise<number> {
  const { values, given, advertised, web, token, tokens, log, interrupted } = start;
  const onError = logErrors(log);
  const id = values.id ?? `chat-${randomBytes(4).toString("hex")}`;
  // A successor must not be taken for its predecessor: under this name it is known to others, and it is new at each start.
  const instance = `${id}-${randomBytes(4).toString("hex")}`;
  let running: ChatServer | undefined;
  const onRestored = (): void => void running?.reconcile();
  const onGone = (users: readonly string[]): void => running?.usersGone(users);
  const onBack = (users: readonly string[]): void => running?.usersBack(users);
  const ending = new AbortController();
  const told = { onError, onRestored, onGone, onBack };
  await using backing = await openBacking({ ...values, instance, ending: ending.signal, ...told });
  const trusted = toAddressList(values.trusted);
  const { store, bus, presence } = backing;
  const settings = { ...settingsOf(values), verifier: tokens?.verifier, trusted };
  const parts = { id, driver: systemDriver(), store, bus, presence, ...settings };
  await using server = await onFreePort(values.listen, given.has("listen"), log, (listen) =>
    startChatServer({ ...parts, listen, web, onError }),
  );
  running = server;
  let announced: Announced | undefined;
  const onDraining = (draining: boolean): void => announced?.update({ draining });
  const control = chatControl({ server, store, graceMs: values.grace, onDraining });
  const shown = { listen: values.admin, isAskedFor: given.has("admin"), token, control, log };
  await using admin = await serveAdmin(shown);
  const tcp = advertised ?? server.address;
  announced = await announceChat(backing.registry, {
    ...{ instance, tcp, values },
    web: server.web && advertisedWeb(server.web, tcp),
  });
  // An operator may have been quicker.
  if (server.draining) onDraining(true);
  announceReady("chat", { tcp: server.address, web: server.web, admin: admin?.address, id });

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace: values.grace });
  await stopServing({
    graceMs: values.grace,
    ending,
    sayGoodbye: () => announced?.[Symbol.asyncDispose](),
    close: () => server.close(values.grace),
  });
  return 0;
}

/** What the flags say of the server itself. */
function settingsOf(values: ChatValues) {
  const limits = toLimits(values.limit);
  const { capacity, "password-cost": passwordCost, "max-connections": maxConnections } = values;
  const admission = localAdmission({ limits, maxConnections, clock: systemClock });
  return { limits, capacity, passwordCost, admission };
}
