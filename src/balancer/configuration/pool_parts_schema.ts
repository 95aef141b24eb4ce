import * as v from "valibot";
import { isDnsName } from "../../net/mod.ts";
import type { Fate } from "../connection/fates.ts";
import type { KeySource } from "../contract.ts";
import type {
  ConnectionsConfiguration,
  DnsConfiguration,
  HeartbeatConfiguration,
  HeartbeatKind,
  PoolTls,
} from "./contract.ts";
import { alpn, tlsVersion } from "./frontend_schema.ts";
import { amount, dnsServer, duration, filePath, flag, line, list, parsed, text, whole } from "./kinds.ts";
import { show } from "./problem.ts";
import { choice, section, textOr } from "./section.ts";

/** A heartbeat whose kind may follow from the rest of its pool. */
export type HeartbeatValues = Omit<HeartbeatConfiguration, "kind"> & {
  readonly kind: HeartbeatKind | undefined;
};

/** A TLS client whose files are as they are written. */
export type PoolTlsValues = Omit<PoolTls, "identity"> & {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
};

/** Where a key is, whether or not what belongs to it is there. */
export interface KeyValues {
  readonly from: KeySource["from"];
  readonly name: string | undefined;
  readonly field: string | undefined;
}

const HOUR_MS = 3_600_000;
const INTERVAL = { minimum: 50, maximum: HOUR_MS };
const COUNT = { minimum: 1, maximum: 1000 };
const hostName = (description: string): v.GenericSchema<string, string> =>
  parsed(
    description,
    "a host name",
    (found) => (isDnsName(found) ? { value: found } : `${show(found)} is not a host name`),
    "^[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*\\.?$",
  );

/** The schema of where the key of a client is. */
export const keySchema: v.GenericSchema<unknown, KeyValues> = v.pipe(
  section({
    from: choice(
      ["sni", "http-path", "http-header", "json"],
      "The server name of a TLS handshake; the path or a header of an HTTP/1 request; a field of the JSON object that is the first line.",
    ),
    name: v.optional(line("The header. Needed for `http-header`, only allowed there.", 255)),
    field: v.optional(text("The field, such as `name`. Needed for `json`, only allowed there.", 255)),
  }),
  v.description(
    "What the policy `key-hash` looks for in a client's first bytes. Only allowed with it, and needed for it.",
  ),
  v.transform(({ from, name, field }) => ({ from, name, field })),
);

/** The schema of backends that a name in DNS stands for. */
export const dnsSchema: v.GenericSchema<unknown, DnsConfiguration> = v.pipe(
  section({
    name: hostName("The name that is looked up."),
    type: v.optional(
      choice(
        ["a", "srv"],
        "Addresses (A and AAAA), or services (SRV), which say port, weight and rank themselves.",
      ),
      "a",
    ),
    port: v.optional(
      whole("The port of every address. Needed for `a`, not allowed for `srv`.", {
        minimum: 1,
        maximum: 65_535,
      }),
    ),
    servers: v.optional(
      list(
        "Name servers to ask, by IP address. Absent: those of the system.",
        dnsServer("A name server."),
        8,
      ),
    ),
  }),
  v.description("Backends by DNS. A look-up that fails, or finds nothing, changes nothing."),
  v.transform(({ name, type, port, servers }) => ({ name, type, port, servers })),
);

/** The schema of a pool's heartbeat. */
export const heartbeatSchema: v.GenericSchema<unknown, HeartbeatValues> = v.pipe(
  section({
    kind: v.optional(
      choice(
        ["tcp", "chat", "http", "send-expect", "udp", "none"],
        "How backends are probed. Absent: `chat` for the registry's pool `chat`, `none` for a pool of a UDP frontend, else `tcp`, which cannot tell a backend that hangs.",
      ),
    ),
    interval: v.optional(duration("Between two probes of a backend that is up.", INTERVAL), "2s"),
    fastInterval: v.optional(
      duration("The same while it is new, suspect or rising. Absent: half of `interval`.", INTERVAL),
    ),
    downInterval: v.optional(duration("The same while it is down. Absent: 2.5 times `interval`.", INTERVAL)),
    timeout: v.optional(
      duration("How long an answer may take. Absent: as long as the interval, but 1s to 5s.", INTERVAL),
    ),
    threshold: v.optional(whole("Missing answers that bring a backend down.", COUNT), 3),
    rise: v.optional(whole("Answers in a row that bring it up again.", COUNT), 2),
    path: v.optional(line("What `http` asks for, such as `/health`. Absent: `/`.")),
    host: v.optional(line("The host that `http` names. Absent: the backend's address.", 255)),
    statuses: v.optional(
      list(
        "The status codes that `http` takes for an answer. Absent: 200 to 399.",
        whole("A status code.", { minimum: 100, maximum: 599 }),
        500,
      ),
    ),
    send: v.optional(text("What `send-expect` or `udp` sends. Needed for `udp`.")),
    expect: v.optional(
      text("What the answer has to hold. Needed for `send-expect`; absent for `udp`: any answer will do."),
    ),
  }),
  v.description("How it is found out who lives."),
  v.transform((found) => ({
    kind: found.kind,
    intervalMs: found.interval,
    fastIntervalMs: found.fastInterval,
    downIntervalMs: found.downInterval,
    timeoutMs: found.timeout,
    threshold: found.threshold,
    rise: found.rise,
    path: found.path,
    host: found.host,
    statuses: found.statuses,
    send: found.send,
    expect: found.expect,
  })),
);

/** The schema of TLS to backends. */
export const poolTlsSchema: v.GenericSchema<unknown, PoolTlsValues> = v.pipe(
  section({
    serverName: v.optional(
      hostName("What is asked for, and what the certificate must name. Absent: the backend's host."),
    ),
    ca: v.optional(
      filePath("File of those who may have signed the certificate, in PEM. Absent: whom the runtime trusts."),
    ),
    verify: v.optional(
      flag("Whether the certificate is checked. Without, anybody can be the backend."),
      true,
    ),
    certificate: v.optional(
      filePath("File of our own certificate in PEM, for backends that ask for one. With `key`."),
    ),
    key: v.optional(filePath("File of its private key in PEM, without a passphrase. With `certificate`.")),
    minVersion: v.optional(tlsVersion, "1.2"),
    alpn: v.optional(alpn),
  }),
  v.description("Speaks TLS to backends. Absent: plain."),
  v.transform((found) => ({
    serverName: found.serverName,
    ca: found.ca,
    verify: found.verify,
    certificate: found.certificate,
    key: found.key,
    minVersion: found.minVersion,
    alpn: found.alpn,
  })),
);

function fate(when: string): v.GenericSchema<unknown, Fate> {
  const words = parsed<"keep" | "close">(
    when,
    'a fate; write "keep", "close" or {"spread": "30s"}',
    (found) => {
      if (found === "keep" || found === "close") return { value: found };
      return `"${found}" is not a fate; write "keep", "close" or {"spread": "30s"}`;
    },
    "^(keep|close)$",
  );
  const spread = v.pipe(
    section({ spread: duration("Closes them evenly over so long.") }),
    v.transform(({ spread: spreadMs }) => ({ spreadMs })),
  );
  return v.pipe(textOr(words, spread), v.description(when));
}

/** The schema of what becomes of connections. */
export const connectionsSchema: v.GenericSchema<unknown, ConnectionsConfiguration> = v.pipe(
  section({
    onDown: v.optional(fate('When their backend goes down: `keep`, `close`, or `{"spread": TIME}`.'), "keep"),
    onRemoved: v.optional(fate("When their backend is removed: the same words."), "keep"),
    onUp: v.optional(
      fate("When their backend comes back, those it had before it went down: the same words."),
      "keep",
    ),
    onBackup: v.optional(
      fate("When a regular backend is up again, those on backups: the same words."),
      "keep",
    ),
    maxAge: v.optional(
      duration("Closes a connection that is so old, a tenth sooner or later. Absent: never."),
    ),
    rebalancePerSecond: v.optional(
      amount(
        "After a backend joined or came back: how many of the longest-idle connections of those above the mean are closed in a second. Absent: none.",
        { minimum: 0.001, maximum: 10_000 },
      ),
    ),
    drain: v.optional(
      duration("How long connections may take to leave when a backend, the pool or all is drained."),
      "600s",
    ),
  }),
  v.description("What becomes of its connections."),
  v.transform((found) => ({
    onDown: found.onDown,
    onRemoved: found.onRemoved,
    onUp: found.onUp,
    onBackup: found.onBackup,
    maxAgeMs: found.maxAge,
    rebalancePerSecond: found.rebalancePerSecond,
    drainMs: found.drain,
  })),
);
