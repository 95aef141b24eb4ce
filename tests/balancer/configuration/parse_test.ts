import { assert, assertEquals } from "@std/assert";
import { parseConfiguration } from "../../../src/balancer/configuration/parse.ts";
import { AddressList } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import { FILE, file, parsed } from "./configurations.ts";

test("parseConfiguration() fills in every default", () => {
  const configuration = parsed({
    frontends: { main: { listen: "[::1]:7000", pool: "web" } },
    pools: { web: {} },
  });
  const access = {
    allow: undefined,
    deny: undefined,
    maxConnections: undefined,
    maxConnectionsPerClient: undefined,
  };
  assertEquals(configuration.frontends.get("main"), {
    name: "main",
    listen: { host: "::1", port: 7000 },
    pool: "web",
    transport: "tcp",
    tls: undefined,
    proxyProtocol: undefined,
    access,
    timeouts: { idleMs: 3_600_000, halfCloseMs: 30_000, prereadMs: 3000, sessionMs: 60_000 },
  });
  assertEquals(configuration.pools.get("web"), {
    name: "web",
    policy: "round-robin",
    key: undefined,
    fallback: "ip-hash",
    backends: [],
    file: undefined,
    dns: undefined,
    registry: undefined,
    heartbeat: {
      kind: "tcp",
      intervalMs: 2000,
      fastIntervalMs: undefined,
      downIntervalMs: undefined,
      timeoutMs: undefined,
      threshold: 3,
      rise: 2,
      path: undefined,
      host: undefined,
      statuses: undefined,
      send: undefined,
      expect: undefined,
    },
    tls: undefined,
    proxyProtocol: undefined,
    connectTimeoutMs: 5000,
    queue: { limit: 1000, timeoutMs: 5000 },
    slowStartMs: undefined,
    connections: {
      onDown: "keep",
      onRemoved: "keep",
      onUp: "keep",
      onBackup: "keep",
      maxAgeMs: undefined,
      rebalancePerSecond: undefined,
      drainMs: 600_000,
    },
  });
  const { frontends: _, pools: __, text: ___, ...rest } = configuration;
  assertEquals(rest, {
    file: FILE,
    admin: { listen: undefined, tokenFile: undefined },
    redis: undefined,
    advertise: undefined,
    nodeId: undefined,
    limits: { maxConnections: undefined },
    workers: { count: undefined, kind: "processes" },
    state: "/etc/chorus/chorus.state.json",
    graceMs: 5000,
    log: { format: undefined, level: undefined },
  });
});

test("parseConfiguration() takes a backend as a text and as an object alike", () => {
  const { pools } = parsed(
    file(undefined, {
      backends: ["10.0.0.1:80,weight=2.5,backup,max=10", { address: "[fd00::1]:80", name: "b", weight: 0 }],
    }),
  );
  assertEquals(pools.get("web")?.backends, [
    {
      name: "10.0.0.1:80",
      address: { host: "10.0.0.1", port: 80 },
      weight: 2.5,
      backup: true,
      maxConnections: 10,
    },
    {
      name: "b",
      address: { host: "fd00::1", port: 80 },
      weight: 0,
      backup: false,
      maxConnections: undefined,
    },
  ]);
});

test("parseConfiguration() makes files absolute, from the folder of the configuration", () => {
  const tls = { certificates: [{ certificate: "a.pem", key: "/keys/a.key" }] };
  const poolTls = { ca: "../ca.pem", certificate: "c.pem", key: "c.key" };
  const { frontends, pools, admin, state } = parsed(
    file({ tls }, { tls: poolTls, file: "backends.txt" }, { admin: { tokenFile: "token" }, state: "s/x" }),
  );
  assertEquals(frontends.get("main")?.tls?.certificates, [
    { certificate: "/etc/chorus/a.pem", key: "/keys/a.key" },
  ]);
  const pool = pools.get("web");
  assertEquals(
    [pool?.file, pool?.tls?.ca, pool?.tls?.identity, admin.tokenFile, state],
    [
      "/etc/chorus/backends.txt",
      "/etc/ca.pem",
      { certificate: "/etc/chorus/c.pem", key: "/etc/chorus/c.key" },
      "/etc/chorus/token",
      "/etc/chorus/s/x",
    ],
  );
});

test("parseConfiguration() keeps no state where that is asked for, and by default beside its own file", () => {
  assertEquals(parsed(file({}, {}, { state: "none" })).state, undefined);
  const result = parseConfiguration(JSON.stringify(file()), "/a/edge.conf");
  assert(!Array.isArray(result));
  assertEquals(Reflect.get(result, "state"), "/a/edge.conf.state.json");
});

test("parseConfiguration() chooses the heartbeat by what the pool is, unless told", () => {
  const kindOf = (frontend: object, pool: object): string | undefined =>
    parsed(file(frontend, pool, { redis: "redis://localhost" })).pools.get("web")?.heartbeat.kind;
  assertEquals(
    [
      kindOf({}, { registry: "chat" }),
      kindOf({}, { registry: true }),
      kindOf({ transport: "udp" }, {}),
      kindOf({ transport: "udp" }, { heartbeat: { kind: "tcp" } }),
    ],
    ["chat", "tcp", "none", "tcp"],
  );
  assertEquals(
    parsed(file({}, { registry: true }, { redis: "redis://h" })).pools.get("web")?.registry,
    "web",
  );
});

test("parseConfiguration() reads networks, times, fates and keys", () => {
  const { frontends, pools } = parsed(
    file(
      { access: { allow: ["10.0.0.0/8"], deny: ["10.1.0.0/16", "::1"] }, timeouts: { idle: "1.5h" } },
      {
        policy: "key-hash",
        key: { from: "http-header", name: "X-User" },
        connections: { onDown: { spread: "30s" }, onUp: "close" },
      },
    ),
  );
  const { access, timeouts } = frontends.get("main") ?? {};
  assert(access?.allow?.list instanceof AddressList && access.deny);
  assertEquals(
    [access.allow.list.has("10.2.3.4"), access.deny.list.has("10.1.3.4"), access.deny.texts.length],
    [true, true, 2],
  );
  const pool = pools.get("web");
  assertEquals(
    [timeouts?.idleMs, pool?.key, pool?.connections.onDown, pool?.connections.onUp],
    [5_400_000, { from: "http-header", name: "X-User" }, { spreadMs: 30_000 }, "close"],
  );
});

test("parseConfiguration() reads name servers with a port and without", () => {
  const servers = ["10.0.0.2", "10.0.0.2:54", "[fd00::2]:55", "fd00::2"];
  const { pools } = parsed(file({}, { dns: { name: "a.b", port: 1, servers } }));
  assertEquals(
    pools.get("web")?.dns?.servers?.map(({ host, port }) => `${host} ${port}`),
    ["10.0.0.2 53", "10.0.0.2 54", "fd00::2 55", "fd00::2 53"],
  );
});

test("parseConfiguration() reads 20,000 backends in one pool", () => {
  const backends = Array.from({ length: 20_000 }, (_, at) => `10.${at >> 8}.${at & 255}.1:80,weight=2`);
  assertEquals(parsed(file({}, { backends })).pools.get("web")?.backends.length, 20_000);
});
