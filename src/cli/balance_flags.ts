import { type Path, policies } from "../balancer/mod.ts";
import { UsageError } from "./errors.ts";
import { choice, repeated, switchFlag, text } from "./flag_kinds.ts";
import { describeFlags, type Flag, parseFlags } from "./flags.ts";
import { COMMON_FLAGS, redisFlag } from "./role_flags.ts";

/** A flag that says what a key of the configuration file says. */
interface FileFlag {
  readonly flag: Flag<unknown>;
  /** Where the file has it; `F` and `P` stand for the one frontend and the one pool that flags are about. */
  readonly path: Path;
  /** What to write there, made of what was given. @default {the text itself, or all texts of a repeated one} */
  readonly toValue?: (given: unknown) => unknown;
}

/** A number, or the text that is none, so that the error shows it. */
function asNumber(given: unknown): unknown {
  const number = Number(given);
  return String(given).trim() !== "" && Number.isFinite(number) ? number : given;
}

const FILE_FLAGS: Readonly<Record<string, FileFlag>> = {
  listen: at("F.listen", text("HOST:PORT", "where clients connect (127.0.0.1:7000)")),
  backend: at(
    "P.backends",
    repeated(text("HOST:PORT[,weight=N][,backup][,max=N]", "a server to send clients to")),
  ),
  policy: at("P.policy", choice(Object.keys(policies), "who gets the next client (round-robin)")),
  key: at(
    "P.key",
    text("sni|http-path|http-header:NAME|json:FIELD", "what key-hash looks for in the first bytes"),
    toKey,
  ),
  heartbeat: at(
    "P.heartbeat.kind",
    choice(
      ["tcp", "chat", "http", "send-expect", "udp", "none"],
      "how backends are probed; a bare connect cannot tell one that hangs (chat with --redis but for --pool web, none with --udp, else tcp)",
    ),
  ),
  "heartbeat-interval": at("P.heartbeat.interval", text("TIME", "how often (2s)")),
  "heartbeat-timeout": at(
    "P.heartbeat.timeout",
    text("TIME", "how long an answer may take (the interval, 1s to 5s)"),
  ),
  "heartbeat-path": at("P.heartbeat.path", text("PATH", "what http asks for (/)")),
  "heartbeat-send": at(
    "P.heartbeat.send",
    text("TEXT", "what send-expect and udp send; \\n, \\r, \\t, \\xHH"),
    unescaped,
  ),
  "heartbeat-expect": at("P.heartbeat.expect", text("TEXT", "what the answer has to hold"), unescaped),
  redis: at("redis", { ...redisFlag, help: "the Redis where servers and balancers announce themselves" }),
  pool: at(
    "P.registry",
    text("NAME", "which of those in the Redis to serve: chat, web, a pool of balancers (chat)"),
  ),
  advertise: at(
    "advertise.address",
    text("HOST:PORT", "announce this balancer there; port 0 is the one it listens on"),
  ),
  "advertise-pool": at(
    "advertise.pool",
    text("NAME", "the pool of balancers that it joins by that (balancers)"),
  ),
  "node-id": at("nodeId", text("ID", "its name on a client's way through several balancers (a random one)")),
  udp: at("F.transport", switchFlag("listen for datagrams"), () => "udp"),
  "tls-certificate": at(
    "F.tls.certificates.0.certificate",
    text("FILE", "end TLS with this certificate, in PEM"),
  ),
  "tls-key": at("F.tls.certificates.0.key", text("FILE", "the key of the certificate")),
  "proxy-protocol": at("P.proxyProtocol", choice(["v1", "v2"], "tell backends who the client is")),
  trusted: at(
    "F.proxyProtocol.trusted",
    repeated(text("CIDR", "take clients only with a PROXY header, from this network of balancers")),
  ),
  allow: at("F.access.allow", repeated(text("CIDR", "take clients of this network only"))),
  deny: at("F.access.deny", repeated(text("CIDR", "take no clients of this network"))),
  "max-connections": at("limits.maxConnections", text("N", "the most clients at once"), asNumber),
  "max-connections-per-client": at(
    "F.access.maxConnectionsPerClient",
    text("N", "the most of one address"),
    asNumber,
  ),
  workers: at(
    "workers.count",
    text(
      "N",
      "how many share the ports; UDP and unix sockets are not shared (1, or up to 32 if --max-connections needs so many)",
    ),
    asNumber,
  ),
  "worker-kind": at(
    "workers.kind",
    choice(["processes", "threads"], "what they are; processes have open files of their own (processes)"),
  ),
  state: at(
    "state",
    text("FILE|none", "where to keep what is changed at run time (beside --config, else nowhere)"),
  ),
  admin: at("admin.listen", text("HOST:PORT|none", "where operators look (127.0.0.1:7090)")),
  "admin-token": at("admin.tokenFile", text("FILE", "the token that operators show; needed beyond loopback")),
};

/** Flags that are of no use without another one, also where there is a file: a key fits one certificate. */
const TOGETHER: readonly (readonly [string, string])[] = [
  ["tls-certificate", "tls-key"],
  ["tls-key", "tls-certificate"],
];

const OWN_FLAGS = {
  config: text("FILE", "a configuration file, read again when it changes and on SIGHUP; flags go before it"),
  check: switchFlag("only say whether flags and file are right"),
  ...COMMON_FLAGS,
};

const HELP = `chorus balance --backend HOST:PORT … | --redis URL | --config FILE [FLAGS]

One balancer before the servers that are named, or those that announce themselves in a Redis, or as a file says.

${describeFlags({ ...Object.fromEntries(Object.entries(FILE_FLAGS).map(([name, { flag }]) => [name, flag])), ...OWN_FLAGS })}`;

/** What the command line asks for. */
export interface BalanceRequest {
  /** The text of `--help`, where it is asked for. */
  readonly help: string | undefined;
  /** `--config`. */
  readonly file: string | undefined;
  readonly isCheck: boolean;
  /** What the flags say, each with its place in the file. */
  readonly said: readonly Said[];
  readonly given: ReadonlySet<string>;
  readonly common: CommonValues;
}

/** The flags that every role has. */
export interface CommonValues {
  readonly grace: number;
  readonly log: "json" | "text" | undefined;
  readonly "log-level": "debug" | "info" | "warning" | "error";
}

/** One flag and what it says in the form of the file. */
export interface Said {
  readonly flag: string;
  readonly path: Path;
  readonly value: unknown;
}

/** Reads the command line of `chorus balance`. @throws {UsageError} */
export function readBalanceFlags(argv: readonly string[]): BalanceRequest {
  const all = {
    ...Object.fromEntries(Object.entries(FILE_FLAGS).map(([name, { flag }]) => [name, flag])),
    ...OWN_FLAGS,
  };
  const { values, given, positionals } = parseFlags("balance", all, argv);
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus balance takes no argument, received "${positionals[0]}"`);
  // The values of the own flags, which were parsed by them.
  const own = values as unknown as CommonValues & { help: boolean; check: boolean; config?: string };
  const said = Object.entries(FILE_FLAGS).flatMap(([flag, { path, toValue = (value: unknown) => value }]) => {
    const value = Reflect.get(values, flag);
    // A switch that the environment says is not set is one that nobody speaks of.
    return given.has(flag) && value !== false ? [{ flag, path, value: toValue(value) }] : [];
  });
  for (const [one, other] of TOGETHER) {
    if (given.has(one) && !given.has(other)) throw new UsageError(`--${one}: give --${other} with it`);
  }
  return {
    help: own.help ? HELP : undefined,
    file: own.config,
    isCheck: own.check,
    said,
    given,
    common: own,
  };
}

function at(path: string, flag: Flag<unknown>, toValue?: (given: unknown) => unknown): FileFlag {
  const keys = path.split(".").map((key) => (key === "0" ? 0 : key));
  return { flag, path: keys, ...(toValue && { toValue }) };
}

/** `http-header:NAME` as the file has it. */
function toKey(given: unknown): unknown {
  const [from = "", name] = String(given).split(/:(.*)/s);
  if (name === undefined) return { from };
  return from === "json" ? { from, field: name } : { from, name };
}

/** Reads `\n`, `\r`, `\t`, `\\` and `\xHH`. */
function unescaped(given: unknown): string {
  const short: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\" };
  return String(given).replaceAll(/\\(?:x(?<hex>[0-9a-fA-F]{2})|(?<char>[nrt\\]))/g, (_, hex, char) =>
    hex === undefined ? (short[char] ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
