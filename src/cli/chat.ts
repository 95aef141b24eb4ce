import { randomBytes } from "node:crypto";
import process from "node:process";
import type { Control } from "../admin/mod.ts";
import { type ChatServer, type Durability, PASSWORD_COST, type Store, startChatServer } from "../chat/mod.ts";
import { type Address, formatAddress, systemDriver } from "../net/mod.ts";
import type { Announced } from "../registry/mod.ts";
import { type Backing, openBacking } from "./backing.ts";
import { UsageError } from "./errors.ts";
import { address, repeated, text, weight, whole, withDefault } from "./flag_kinds.ts";
import { describeFlags, parseFlags } from "./flags.ts";
import { logErrors, startLog } from "./log.ts";
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
import { sessionDesk } from "./session_desk.ts";
import { readTokenSettings, TOKEN_FLAGS } from "./token_flags.ts";

const FLAGS = {
  listen: withDefault(address("where clients connect"), "127.0.0.1:7001"),
  admin: withDefault(adminFlag, "none"),
  "admin-token": adminTokenFlag,
  id: text("ID", "the server's name (default chat- and a random word)"),
  advertise: address("where balancers reach it (default: where it listens)"),
  weight: withDefault(weight("its share of new clients compared with others"), "1"),
  capacity: withDefault(
    whole(0, 10_000_000, "the connections it can hold, as announced; 0 says nothing"),
    "0",
  ),
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
\`chorus balance --redis\` find it; without, it stands for itself and keeps its data in --data.

${describeFlags(FLAGS)}`;

/** Runs one chat server until it is told to end. */
export async function chat(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values, given, positionals } = parseFlags("chat", FLAGS, argv);
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus chat takes no argument, received "${positionals[0]}"`);
  checkStore(values, given);
  const advertised = advertisedAddress(values.listen, values.advertise, values.redis !== undefined);
  const token = openAdminToken(values.admin, values["admin-token"]);
  const verifier = (await readTokenSettings(values))?.verifier;
  const log = await startLog({ format: values.log, level: values["log-level"], role: "chat" });
  const onError = logErrors(log);

  const id = values.id ?? `chat-${randomBytes(4).toString("hex")}`;
  // A successor must not be taken for its predecessor: under this name it is known to others, and it is new at each start.
  const instance = `${id}-${randomBytes(4).toString("hex")}`;
  let running: ChatServer | undefined;
  const onRestored = (): void => void running?.reconcile();
  const onGone = (users: readonly string[]): void => running?.usersGone(users);
  const onBack = (users: readonly string[]): void => running?.usersBack(users);
  await using backing = await openBacking({ ...values, instance, onError, onRestored, onGone, onBack });
  const limits = toLimits(values.limit);
  const trusted = toAddressList(values.trusted);
  const { weight, capacity, "password-cost": passwordCost } = values;
  const { store, bus, presence } = backing;
  const settings = { verifier, limits, trusted, capacity, passwordCost };
  const parts = { id, driver: systemDriver(), store, bus, presence, ...settings };
  await using server = await onFreePort(values.listen, given.has("listen"), log, (listen) =>
    startChatServer({ ...parts, listen, onError }),
  );
  running = server;
  let announced: Announced | undefined;
  const onDraining = (draining: boolean): void => announced?.update({ draining });
  const control = { ...controlOf(server, store), ...drainControl(server, values.grace, onDraining) };
  const shown = { listen: values.admin, isAskedFor: given.has("admin"), token, control, log };
  await using admin = await serveAdmin(shown);
  const tcp = advertised ?? server.address;
  const readsProxy = trusted.size > 0;
  announced = await announce(backing, { id: instance, tcp, weight, capacity, readsProxy });
  // An operator may have been quicker.
  if (server.draining) onDraining(true);
  announceReady("chat", { tcp: server.address, admin: admin?.address, id });

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace: values.grace });
  await announced?.[Symbol.asyncDispose]();
  await server.close(values.grace);
  return 0;
}

/** One store, and one that can be as durable as asked for: a folder has no replica. @throws {UsageError} */
export function checkStore(
  { durable, redis }: { readonly durable: Durability | undefined; readonly redis: string | undefined },
  given: ReadonlySet<string>,
): void {
  if (redis !== undefined && given.has("data")) throw new UsageError("give --redis or --data, not both");
  if (durable === "replica" && redis === undefined) {
    throw new UsageError("--durable: replica needs --redis; a data folder offers memory or disk");
  }
}

/** Where others reach a server that listens here; undefined: where it listens. @throws {UsageError} When nobody could tell. */
function advertisedAddress(
  listen: Address,
  advertise: Address | undefined,
  isNeeded: boolean,
): Address | undefined {
  if (advertise) return advertise;
  const isEverywhere = "host" in listen && (listen.host === "0.0.0.0" || listen.host === "::");
  if (isNeeded && (isEverywhere || "path" in listen)) {
    throw new UsageError(
      `--advertise: say where balancers reach a server that listens on ${formatAddress(listen)}`,
    );
  }
  return undefined;
}

interface Announcing {
  /** New at each start. */
  readonly id: string;
  readonly tcp: Address;
  readonly weight: number;
  readonly capacity: number;
  /** Whether it reads PROXY headers from some balancers. */
  readonly readsProxy: boolean;
}

async function announce(
  { registry }: Backing,
  { id, tcp, weight, capacity, readsProxy }: Announcing,
): Promise<Announced | undefined> {
  return await registry?.announce({
    id,
    tcp: formatAddress(tcp),
    weight,
    capacity,
    draining: false,
    ...(readsProxy && { proxy: 2 }),
  });
}

/** What operators see of a chat server, and can do. */
function controlOf(server: ChatServer, store: Store): Control {
  return {
    health: () => ({
      healthy: true,
      role: "chat",
      id: server.id,
      connections: server.connections,
      sessions: server.sessions,
      ...(server.draining && { draining: true }),
      ...(store.setAside > 0 && { setAside: store.setAside }),
    }),
    ...sessionDesk(server, store),
  };
}

/** How operators send the clients of a chat server elsewhere. @param onDraining Told first: who is sent away is not to come back here. */
function drainControl(
  server: ChatServer,
  graceMs: number,
  onDraining: (draining: boolean) => void,
): Required<Pick<Control, "changeServer" | "drains">> {
  return {
    changeServer({ state, deadlineMs = graceMs }) {
      onDraining(state === "draining");
      if (state === "draining") server.drain(deadlineMs);
      else server.undrain();
      return { ok: true, value: { state } };
    },
    drains() {
      const { draining, id: name } = server;
      return draining && draining.left > 0 ? [{ kind: "server", name, ...draining }] : [];
    },
  };
}
