import { AdminToken } from "../admin/mod.ts";
import {
  type ChatLimits,
  DEFAULT_LIMITS,
  type Durability,
  MAX_LOGIN_FAILURES,
  PASSWORD_COSTS,
} from "../chat/mod.ts";
import { AddressList, formatAddress, isLoopback, type TcpAddress } from "../net/mod.ts";
import { checkUrl, RedisError } from "../redis/mod.ts";
import { UsageError } from "./errors.ts";
import {
  addressOrNone,
  choice,
  duration,
  parseDuration,
  repeated,
  switchFlag,
  text,
  whole,
  withDefault,
} from "./flag_kinds.ts";
import { type Flag, Wrong } from "./flags.ts";

/** The flags that every long-running command takes. */
export const COMMON_FLAGS: {
  readonly grace: DefaultFlag<number>;
  readonly log: Flag<"json" | "text">;
  readonly "log-level": DefaultFlag<"debug" | "info" | "warning" | "error">;
  readonly help: DefaultFlag<boolean>;
} = {
  grace: withDefault(duration("how long clients may take to leave when it stops"), "5s"),
  log: choice(["json", "text"], "how to log to standard error (text on a terminal, else json)"),
  "log-level": withDefault(choice(["debug", "info", "warning", "error"], "the least that is logged"), "info"),
  help: switchFlag("show this and exit"),
};

type DefaultFlag<T> = Flag<T> & { readonly default: string };

/** What an `ok` to a send waits for. */
export const durableFlag: Flag<Durability> = choice(
  ["memory", "disk", "replica"],
  "what a message waits for before it counts as sent (disk in a data folder, memory in Redis)",
);

/** Where operators look. An address that is not loopback needs a token too: see {@linkcode openAdminToken}. */
export const adminFlag: Flag<TcpAddress | "none"> = {
  ...addressOrNone("where operators look and change things over HTTP, and have a dashboard"),
  parse(found) {
    const parsed = addressOrNone("").parse(found);
    if (parsed === "none" || parsed instanceof Wrong || "host" in parsed) return parsed;
    return new Wrong(`"${found}" is not a TCP address; write HOST:PORT or none`);
  },
};

/** What operators have to show. */
export const adminTokenFlag: Flag<string> = text(
  "FILE",
  "what operators have to show: a token in a file of mode 0600, made when there is none",
);

/**
 * Reads the token that `--admin` needs; to be called before anything is started.
 *
 * @returns Undefined where none is needed and none is asked for.
 * @throws {UsageError} Where it is needed and not given, or its file cannot be used, such as when others may read it.
 */
export function openAdminToken(admin: TcpAddress | "none", file: string | undefined): AdminToken | undefined {
  if (admin === "none") return undefined;
  if (file === undefined) {
    if (isLoopback(admin.host)) return undefined;
    throw new UsageError(
      `--admin: ${formatAddress(admin)} is not a loopback address; give --admin-token FILE with it`,
    );
  }
  const token = AdminToken.open(file);
  if (typeof token === "string") throw new UsageError(`--admin-token: ${token}`);
  return token;
}

/** The flag that names a Redis. */
export const redisFlag: Flag<string> = {
  ...text(
    "URL",
    "the Redis that joins the servers: redis://10.0.0.5:6379, redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT",
  ),
  parse(found) {
    try {
      checkUrl(found);
      return found;
    } catch (error) {
      // Its words show what was found without a password.
      if (error instanceof RedisError) return new Wrong(error.message);
      throw error;
    }
  },
};

/** One `--limit`, as a change of the limits. */
export type LimitChange = Partial<ChatLimits>;

const LIMITS: Readonly<Record<string, (value: string) => LimitChange | Wrong>> = {
  "login-timeout": (value) => timeLimit(value, (loginTimeoutMs) => ({ loginTimeoutMs })),
  idle: (value) => timeLimit(value, (idleMs) => ({ idleMs })),
  messages: (value) => countLimit(value, (messagesPerSecond) => ({ messagesPerSecond })),
  connections: (value) => countLimit(value, (connectionsPerHost) => ({ connectionsPerHost })),
  queue: (value) => countLimit(value, (queueFrames = Number.MAX_SAFE_INTEGER) => ({ queueFrames })),
  register: (value) => countLimit(value, (registersPerMinute) => ({ registersPerMinute })),
  logins: (value) => countLimit(value, (loginFailures) => ({ loginFailures }), MAX_LOGIN_FAILURES),
};

/** What each limit counts, and its default. */
const UNITS: Readonly<Record<keyof typeof LIMITS, string>> = {
  "login-timeout": "until a login, 10s",
  idle: "of silence, 90s",
  messages: "a second, 20",
  connections: "of an address on each server, 1000",
  queue: "frames that wait, 256",
  register: "accounts a minute of an address on each server, 5",
  logins: `failures before tries are slowed, 5, at most ${MAX_LOGIN_FAILURES}`,
};

/** The flag for what a hash of a password costs. */
export const passwordCostFlag: Flag<number> = whole(
  PASSWORD_COSTS.least,
  PASSWORD_COSTS.most,
  "what a new hash of a password costs, as a power of two: one more doubles time and memory",
);

/** The flag that changes a limit of the chat servers. */
export const limitFlag: Flag<LimitChange> & { readonly repeated: true } = repeated({
  value: "NAME=VALUE|off",
  help: `what one client may take: ${describeLimits()}`,
  parse(found) {
    const at = found.indexOf("=");
    const name = at < 0 ? found : found.slice(0, at);
    const limit = Object.hasOwn(LIMITS, name) ? LIMITS[name] : undefined;
    if (!limit) return new Wrong(`"${name}" is not a limit; there are ${Object.keys(LIMITS).join(", ")}`);
    return at < 0
      ? new Wrong(`"${name}" has no value; write ${name}=VALUE or ${name}=off`)
      : limit(found.slice(at + 1));
  },
});

function describeLimits(): string {
  return Object.entries(UNITS)
    .map(([name, unit]) => `${name} (${unit})`)
    .join(", ");
}

/** The limits after every `--limit`. */
export function toLimits(changes: readonly LimitChange[]): ChatLimits {
  return Object.assign({ ...DEFAULT_LIMITS }, ...changes);
}

function timeLimit(value: string, change: (ms: number | undefined) => LimitChange): LimitChange | Wrong {
  if (value === "off") return change(undefined);
  const ms = parseDuration(value);
  if (ms === 0) return new Wrong(`"${value}" is no time to wait; write 500ms, 5s, 10m or 1h, or off`);
  return ms instanceof Wrong ? ms : change(ms);
}

function countLimit(
  value: string,
  change: (count: number | undefined) => LimitChange,
  most: number = Number.MAX_SAFE_INTEGER,
): LimitChange | Wrong {
  if (value === "off") return change(undefined);
  const count = /^\d+$/.test(value) ? Number(value) : 0;
  const range = most === Number.MAX_SAFE_INTEGER ? "from 1" : `from 1 to ${most}`;
  if (count > most || count < 1) return new Wrong(`"${value}" is neither a whole number ${range} nor off`);
  return change(count);
}

/** The addresses of balancers. */
export const trustedFlag: Flag<string> = {
  value: "CIDR",
  help: "a network of balancers: they may ping without a login, and what their PROXY headers say of clients is believed",
  parse(found) {
    const list = AddressList.parse([found]);
    return typeof list === "string" ? new Wrong(list) : found;
  },
};

/** The list of every `--trusted`. */
export function toAddressList(networks: readonly string[]): AddressList {
  const list = AddressList.parse(networks);
  if (typeof list === "string") throw new UsageError(`--trusted: ${list}`);
  return list;
}
