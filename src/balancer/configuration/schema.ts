import * as v from "valibot";
import type { TcpAddress } from "../../net/mod.ts";
import { checkUrl, RedisError } from "../../redis/mod.ts";
import type {
  AdminConfiguration,
  AdvertiseConfiguration,
  LogConfiguration,
  WorkersConfiguration,
} from "./contract.ts";
import { type FrontendValues, frontendSchema } from "./frontend_schema.ts";
import { duration, filePath, name, parsed, tcpAddress, text, whole } from "./kinds.ts";
import { type PoolValues, poolSchema } from "./pool_schema.ts";
import { choice, named, section } from "./section.ts";

/** What a configuration file says; files are as they are written there. */
export interface FileValues {
  readonly frontends: Readonly<Record<string, FrontendValues>>;
  readonly pools: Readonly<Record<string, PoolValues>>;
  readonly admin: AdminConfiguration;
  readonly redis?: string | undefined;
  readonly advertise?: AdvertiseConfiguration | undefined;
  readonly nodeId?: string | undefined;
  readonly limits: { readonly maxConnections: number | undefined };
  readonly workers: WorkersConfiguration;
  /** `none` where nothing is to be kept. */
  readonly state?: string | undefined;
  /** In milliseconds. */
  readonly grace: number;
  readonly log: LogConfiguration;
}

const listenOrNone = parsed<TcpAddress | "none">(
  "Where `/health`, `/metrics` and the API are served over HTTP; `none` for nowhere. Absent: `127.0.0.1:7090`, or another port of it where that is taken.",
  "an address; write HOST:PORT, [IPV6]:PORT or none",
  (found) => {
    if (found === "none") return { value: found };
    const reading = v.safeParse(tcpAddress(""), found);
    return reading.success ? { value: reading.output } : reading.issues[0].message;
  },
);

const admin: v.GenericSchema<unknown, AdminConfiguration> = v.pipe(
  section({
    listen: v.optional(listenOrNone),
    tokenFile: v.optional(
      filePath("File of the token that operators show; made where there is none. Needed beyond loopback."),
    ),
  }),
  v.description("Where operators look."),
  v.transform(({ listen, tokenFile }) => ({ listen, tokenFile })),
);

const advertise: v.GenericSchema<unknown, AdvertiseConfiguration> = v.pipe(
  section({
    address: tcpAddress("Where other balancers reach this one; port 0 means the port of its frontend."),
    pool: name("The pool of the registry that it joins."),
  }),
  v.description("Announces this balancer to those that stand before it. Needs `redis`."),
  v.transform(({ address, pool }) => ({ address, pool })),
);

const limits = v.pipe(
  section({
    maxConnections: v.optional(
      whole("Clients of all frontends at once. Absent: what open files allow.", {
        minimum: 1,
        maximum: 1_000_000_000,
      }),
    ),
  }),
  v.description("Bounds of all frontends together."),
  v.transform(({ maxConnections }) => ({ maxConnections })),
);

const workers: v.GenericSchema<unknown, WorkersConfiguration> = v.pipe(
  section({
    count: v.optional(
      whole(
        "How many share the ports, each with event loop and clients of its own; with 1 the balancer serves all itself. Absent: 1, or as many processes as `limits.maxConnections` needs, where 32 are enough.",
        { minimum: 1, maximum: 256 },
      ),
    ),
    kind: v.optional(
      choice(
        ["processes", "threads"],
        "Processes have open files of their own, and crash alone; threads take less memory. Absent: `processes`.",
      ),
    ),
  }),
  v.description(
    "Who serves the clients of TCP. Datagrams and unix sockets are always served by the balancer itself.",
  ),
  v.transform(({ count, kind = "processes" }) => ({ count, kind })),
);

const log: v.GenericSchema<unknown, LogConfiguration> = v.pipe(
  section({
    format: v.optional(
      choice(["json", "text"], "How lines look. Absent: `text` on a terminal, else `json`."),
    ),
    level: v.optional(
      choice(["debug", "info", "warning", "error"], "The least that is logged. Absent: `info`."),
    ),
  }),
  v.description("What is logged to standard error."),
  v.transform(({ format, level }) => ({ format, level })),
);

const REDIS_FORMS =
  "redis://HOST:PORT, redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT, rediss… for TLS, or unix:///PATH";

// What was found may hold a password: it is not repeated.
const redis = parsed(
  "The Redis of the registry: `redis://HOST:PORT`, `redis+sentinel://HOST:PORT,HOST:PORT/NAME`, `redis+cluster://HOST:PORT,HOST:PORT`, each with `rediss` for TLS, or `unix:///PATH`.",
  `the address of a Redis; write ${REDIS_FORMS}`,
  (found) => {
    try {
      checkUrl(found);
      return { value: found };
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      return `this is not the address of a Redis; write ${REDIS_FORMS}`;
    }
  },
  "^(rediss?(\\+(sentinel|cluster))?|unix)://.",
);

/** The schema of the whole file. Every key has a description; what is absent has a default or is absent for a reason that it states. */
export const configurationSchema: v.GenericSchema<unknown, FileValues> = v.pipe(
  section({
    $schema: v.optional(text("The JSON Schema of this file, for editors. Not read.")),
    frontends: v.optional(
      named("Addresses to listen on, by name. At least one.", name("A frontend."), frontendSchema),
      {},
    ),
    pools: v.optional(named("Backends, by the name of their pool.", name("A pool."), poolSchema), {}),
    admin: v.optional(admin, {}),
    redis: v.optional(redis),
    advertise: v.optional(advertise),
    nodeId: v.optional(
      name("What this balancer is called on the way of a client through several. Absent: a random name."),
    ),
    limits: v.optional(limits, {}),
    workers: v.optional(workers, {}),
    state: v.optional(
      filePath(
        "File of what was changed at run time, kept over restarts; `none` for nowhere. Absent: beside this file, `chorus.state.json` for `chorus.json`.",
      ),
    ),
    grace: v.optional(
      duration("How long clients may take to leave when it stops.", { minimum: 0, maximum: 86_400_000 }),
      "5s",
    ),
    log: v.optional(log, {}),
  }),
  v.title("The configuration of a Chorus balancer"),
  v.description("`chorus balance --config FILE`; described in docs/configuration.md."),
);
