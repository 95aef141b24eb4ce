import { formatAddress } from "../../net/mod.ts";
import type { HeartbeatKind } from "./contract.ts";
import type { Finding, SoundValues } from "./finding.ts";
import { kindOf } from "./normalize.ts";
import type { HeartbeatValues, KeyValues } from "./pool_parts_schema.ts";
import type { PoolValues } from "./pool_schema.ts";
import { oneOf, type Path } from "./problem.ts";

/** What a pool has that does not go together. */
export function* checkPools(values: SoundValues): Generator<Finding> {
  for (const [name, pool] of Object.entries(values.pools)) {
    const at: At = (...rest) => ["pools", name, ...rest];
    yield* checkPolicy(pool, at, values.has("pools", name, "fallback"));
    yield* checkBackends(pool, at);
    yield* checkDns(pool, at);
    yield* checkHeartbeat(pool.heartbeat, kindOf(name, values), at);
    yield* checkTls(pool, at);
    if (pool.registry !== undefined && !values.has("redis"))
      yield { path: at("registry"), message: "the registry is in a Redis; say which by the key redis" };
    if (isOwn(pool, name, values))
      yield {
        path: ["advertise", "pool"],
        message: `"${values.advertise?.pool}" is where the pool "${name}" takes its backends from; a balancer cannot stand before itself`,
      };
  }
}

type At = (...rest: Path) => Path;

function isOwn({ registry }: PoolValues, name: string, { advertise }: SoundValues): boolean {
  return advertise !== undefined && (registry === true ? name : registry) === advertise.pool;
}

function* checkPolicy(pool: PoolValues, at: At, hasFallback: boolean): Generator<Finding> {
  const { policy, key } = pool;
  if (policy === "key-hash" && !key)
    yield {
      path: at("policy"),
      message: '"key-hash" needs to know what to look for; add key, such as {"from": "sni"}',
    };
  if (policy !== "key-hash" && key)
    yield { path: at("key"), message: `a key is for the policy key-hash, and this one is ${policy}` };
  if (policy !== "key-hash" && hasFallback)
    yield {
      path: at("fallback"),
      message: `a fallback is for the policy key-hash, and this one is ${policy}`,
    };
  if (policy === "round-robin" && pool.slowStartMs !== undefined)
    yield {
      path: at("slowStart"),
      message:
        "round-robin gives every backend the same, so that none can start slowly; weighted takes turns by weight",
    };
  if (key) yield* checkKey(key, at);
}

function* checkKey(key: KeyValues, at: At): Generator<Finding> {
  const owners = { name: "http-header", field: "json" } as const;
  for (const part of ["name", "field"] as const) {
    const owner = owners[part];
    if (key.from === owner && key[part] === undefined)
      yield { path: at("key", "from"), message: `"${owner}" needs a ${part}` };
    if (key.from !== owner && key[part] !== undefined)
      yield {
        path: at("key", part),
        message: `${part} is for "${owner}", and this key is from "${key.from}"`,
      };
  }
}

function* checkBackends({ backends }: PoolValues, at: At): Generator<Finding> {
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  for (const [place, { name, address }] of backends.entries()) {
    const where = formatAddress(address);
    const other = names.get(name) ?? addresses.get(where);
    if (other !== undefined) {
      const found = names.has(name) ? name : where;
      yield {
        path: at("backends", place),
        message: `"${found}" is there already, as backends[${other}]; once is enough`,
      };
    }
    if ("port" in address && address.port === 0)
      yield {
        path: at("backends", place),
        message: `"${where}" has port 0, where nobody can be reached; ports are 1 to 65535`,
      };
    names.set(name, place);
    addresses.set(where, place);
  }
}

function* checkDns({ dns }: PoolValues, at: At): Generator<Finding> {
  if (dns?.type === "a" && dns.port === undefined)
    yield {
      path: at("dns"),
      message: "addresses in DNS have no port; add port, or look for services by type srv",
    };
  if (dns?.type === "srv" && dns.port !== undefined)
    yield {
      path: at("dns", "port"),
      message: "services in DNS have their own ports; leave port away, or write type a",
    };
}

/** The keys that only some kinds of heartbeat have. */
const KINDS: Readonly<Record<"path" | "host" | "statuses" | "send" | "expect", readonly HeartbeatKind[]>> = {
  path: ["http"],
  host: ["http"],
  statuses: ["http"],
  send: ["send-expect", "udp"],
  expect: ["send-expect", "udp"],
};

function* checkHeartbeat(heartbeat: HeartbeatValues, kind: HeartbeatKind, at: At): Generator<Finding> {
  for (const [key, kinds] of Object.entries(KINDS) as [keyof typeof KINDS, readonly HeartbeatKind[]][]) {
    if (heartbeat[key] !== undefined && !kinds.includes(kind))
      yield {
        path: at("heartbeat", key),
        message: `${key} is for the kind ${oneOf(kinds)}, and this one is ${kind}`,
      };
  }
  if (heartbeat.path !== undefined && !heartbeat.path.startsWith("/"))
    yield { path: at("heartbeat", "path"), message: `"${heartbeat.path}" does not start with /` };
  const isMissing = (key: "send" | "expect", owner: HeartbeatKind): boolean =>
    kind === owner && heartbeat[key] === undefined;
  if (isMissing("expect", "send-expect"))
    yield {
      path: at("heartbeat", "kind"),
      message: '"send-expect" needs to know what the answer has to hold; add expect',
    };
  if (isMissing("send", "udp"))
    yield {
      path: at("heartbeat", "kind"),
      message: '"udp" needs something to send that backends answer; add send, or write none',
    };
}

function* checkTls({ tls }: PoolValues, at: At): Generator<Finding> {
  if (!tls) return;
  if (tls.certificate !== undefined && tls.key === undefined)
    yield { path: at("tls", "certificate"), message: "a certificate is of no use without its key; add key" };
  if (tls.certificate === undefined && tls.key !== undefined)
    yield { path: at("tls", "key"), message: "a key is of no use without its certificate; add certificate" };
  if (!tls.verify && tls.ca !== undefined)
    yield {
      path: at("tls", "ca"),
      message: "with verify false nothing is checked by it; leave one of them away",
    };
}
