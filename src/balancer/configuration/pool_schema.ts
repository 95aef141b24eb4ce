import * as v from "valibot";
import type { PolicyName } from "../contract.ts";
import { backendSchema } from "./backend_schema.ts";
import type { PoolConfiguration } from "./contract.ts";
import { duration, filePath, list, name, whole } from "./kinds.ts";
import {
  connectionsSchema,
  dnsSchema,
  type HeartbeatValues,
  heartbeatSchema,
  type KeyValues,
  keySchema,
  type PoolTlsValues,
  poolTlsSchema,
} from "./pool_parts_schema.ts";
import { show } from "./problem.ts";
import { choice, section } from "./section.ts";

/** What the file says of a pool, before it is known what belongs together; files are as they are written there. */
export type PoolValues = Omit<PoolConfiguration, "name" | "key" | "registry" | "heartbeat" | "tls"> & {
  readonly key: KeyValues | undefined;
  /** True: the one of the pool's own name. */
  readonly registry: string | true | undefined;
  readonly heartbeat: HeartbeatValues;
  readonly tls: PoolTlsValues | undefined;
};

const POLICIES: readonly PolicyName[] = [
  "round-robin",
  "weighted",
  "ip-hash",
  "least-connections",
  "two-choices",
  "random",
  "key-hash",
];

const queue = v.pipe(
  section({
    limit: v.optional(
      whole("Clients that wait at most; 0 for none.", { minimum: 0, maximum: 1_000_000 }),
      1000,
    ),
    timeout: v.optional(duration("How long a client waits at most."), "5s"),
  }),
  v.description("Who waits while all backends have as many connections as they may have."),
  v.transform(({ limit, timeout }) => ({ limit, timeoutMs: timeout })),
);

const registry = v.pipe(
  v.union(
    [v.literal(true), name("A pool of the registry.")],
    (issue) => `${show(issue.input)} is not true or the name of a pool of the registry`,
  ),
  v.description(
    "Backends by the registry: those that announce themselves for the pool of this name; `true` means the pool's own. `chat` is the chat servers by TCP, `web` the same by HTTP and WebSocket. Needs `redis`.",
  ),
);

/** The schema of one pool. */
export const poolSchema: v.GenericSchema<unknown, PoolValues> = v.pipe(
  section({
    policy: v.optional(choice(POLICIES, "Who gets the next client."), "round-robin"),
    key: v.optional(keySchema),
    fallback: v.optional(
      choice(
        POLICIES.filter((policy) => policy !== "key-hash"),
        "Who picks under `key-hash` for a client in whose first bytes no key is found. Only allowed with it.",
      ),
      "ip-hash",
    ),
    backends: v.optional(list("Backends that are named here.", backendSchema, 100_000, 0), []),
    file: v.optional(
      filePath(
        "File of more backends, one a line as `HOST:PORT[,weight=N][,backup][,max=N]`; read again when it changes.",
      ),
    ),
    dns: v.optional(dnsSchema),
    registry: v.optional(registry),
    heartbeat: v.optional(heartbeatSchema, {}),
    tls: v.optional(poolTlsSchema),
    proxyProtocol: v.optional(
      choice(
        ["v1", "v2"],
        "Tells backends who the client is, in this version of the PROXY protocol. Absent: only those that announce that they want it.",
      ),
    ),
    connectTimeout: v.optional(
      duration("How long connecting to a backend may take.", { minimum: 10, maximum: 300_000 }),
      "5s",
    ),
    queue: v.optional(queue, {}),
    slowStart: v.optional(
      duration(
        "A backend that comes up gets its full share only after so long. Not with `round-robin`. Absent: at once.",
      ),
    ),
    connections: v.optional(connectionsSchema, {}),
  }),
  v.description("Backends that serve one purpose."),
  v.transform(({ proxyProtocol, connectTimeout, slowStart, ...found }) => ({
    policy: found.policy,
    key: found.key,
    fallback: found.fallback,
    backends: found.backends,
    file: found.file,
    dns: found.dns,
    registry: found.registry,
    heartbeat: found.heartbeat,
    tls: found.tls,
    proxyProtocol: toVersion(proxyProtocol),
    connectTimeoutMs: connectTimeout,
    queue: found.queue,
    slowStartMs: slowStart,
    connections: found.connections,
  })),
);

function toVersion(found: "v1" | "v2" | undefined): 1 | 2 | undefined {
  if (found === undefined) return undefined;
  return found === "v1" ? 1 : 2;
}
