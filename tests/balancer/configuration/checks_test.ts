import { assertEquals } from "@std/assert";
import { test } from "../../testing.ts";
import { file, parsed, wordsOf } from "./configurations.ts";

/** Says which mistakes there are, up to the first semicolon or comma of each. */
function mistakes(value: unknown): string[] {
  return wordsOf(value).map((words) => words.split(/[;,]/, 1)[0] ?? "");
}

const CERTIFICATES = [{ certificate: "a.pem", key: "a.key" }];

test("a frontend with an unknown pool is a mistake that names the pools there are", () => {
  assertEquals(wordsOf(file({ pool: "wbe" })), [
    'frontends.main.pool: "wbe" is not the name of a pool; did you mean "web"?',
  ]);
  assertEquals(wordsOf(file({ pool: "other" })), [
    'frontends.main.pool: "other" is not the name of a pool; there are web',
  ]);
  assertEquals(wordsOf({ frontends: { main: { listen: "h:1", pool: "x" } } }), [
    'frontends.main.pool: "x" is not the name of a pool; there is none',
  ]);
});

test("a file without a frontend is a mistake", () => {
  assertEquals(mistakes({ pools: {} }), ["frontends: there is no frontend"]);
});

test("a pool with a mistake of its own is still a pool to its frontends", () => {
  assertEquals(mistakes(file({}, { policy: 1 })), ["pools.web.policy: 1 is not round-robin"]);
});

test("two frontends on one address are a mistake, unless one takes datagrams or the system chooses the port", () => {
  const both = (one: object, other: object): object => ({
    frontends: { a: { pool: "web", ...one }, b: { pool: "web", ...other } },
    pools: { web: {} },
  });
  assertEquals(mistakes(both({ listen: "Host:53" }, { listen: "host:53" })), [
    'frontends.b.listen: "host:53" is where the frontend "a" listens already',
  ]);
  assertEquals(mistakes(both({ listen: "unix:/a" }, { listen: "unix:/a" })), [
    'frontends.b.listen: "unix:/a" is where the frontend "a" listens already',
  ]);
  parsed(both({ listen: "h:53" }, { listen: "h:53", transport: "udp" }));
  parsed(both({ listen: "h:0" }, { listen: "h:0" }));
  parsed(both({ listen: "unix:/a" }, { listen: "unix:/A" }));
});

test("what streams have is a mistake on a UDP frontend", () => {
  const udp = {
    transport: "udp",
    tls: { certificates: CERTIFICATES },
    timeouts: { idle: "1s", preread: "1s" },
  };
  assertEquals(mistakes(file({ ...udp, listen: "unix:/a" })), [
    'frontends.main.listen: "unix:/a" is a unix socket',
    "frontends.main.tls: TLS is for streams",
    "frontends.main.timeouts.idle: idle is for TCP",
    "frontends.main.timeouts.preread: preread is for TCP",
  ]);
  assertEquals(mistakes(file({ timeouts: { session: "5s" } })), [
    "frontends.main.timeouts.session: session is for UDP",
  ]);
});

test("a pool that needs streams is a mistake behind a UDP frontend", () => {
  const pool = { policy: "key-hash", key: { from: "sni" }, tls: {}, proxyProtocol: "v1" };
  assertEquals(mistakes(file({ transport: "udp" }, pool)), [
    'frontends.main.pool: the pool "web" picks by key-hash',
    'frontends.main.pool: the pool "web" speaks TLS to its backends',
    'frontends.main.pool: the pool "web" speaks version 1 of the PROXY protocol',
  ]);
});

test("an admin server beyond loopback without a token, or where a frontend listens, is a mistake", () => {
  const admin = (listen: string, rest: object = {}): object => file({}, {}, { admin: { listen, ...rest } });
  assertEquals(mistakes(admin("0.0.0.0:7090")), ['admin.listen: "0.0.0.0:7090" is not a loopback address']);
  assertEquals(mistakes(admin("127.0.0.1:7000")), [
    'admin.listen: "127.0.0.1:7000" is where the frontend "main" listens already',
  ]);
  parsed(admin("0.0.0.0:7090", { tokenFile: "token" }));
  parsed(admin("[::1]:7090"));
  parsed(admin("none"));
});

test("a policy, its key, its fallback and a slow start have to go together", () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ policy: "key-hash" }, 'pools.web.policy: "key-hash" needs to know what to look for'],
    [{ key: { from: "sni" } }, "pools.web.key: a key is for the policy key-hash"],
    [{ fallback: "random" }, "pools.web.fallback: a fallback is for the policy key-hash"],
    [{ slowStart: "10s" }, "pools.web.slowStart: round-robin gives every backend the same"],
    [{ policy: "key-hash", key: { from: "json" } }, 'pools.web.key.from: "json" needs a field'],
    [
      { policy: "key-hash", key: { from: "http-path", name: "x" } },
      'pools.web.key.name: name is for "http-header"',
    ],
  ];
  for (const [pool, sentence] of wrong) assertEquals(mistakes(file({}, pool)), [sentence]);
  parsed(file({}, { policy: "weighted", slowStart: "10s" }));
});

test("a backend that is named twice, by name or by address, is a mistake", () => {
  const backends = ["h:1", { address: "h:2", name: "a" }, { address: "h:3", name: "a" }, "h:1,backup", "h:2"];
  assertEquals(mistakes(file({}, { backends })), [
    'pools.web.backends[2]: "a" is there already',
    'pools.web.backends[3]: "h:1" is there already',
    'pools.web.backends[4]: "h:2" is there already',
  ]);
});

test("a backend at port 0 is a mistake in both of its forms", () => {
  assertEquals(mistakes(file({}, { backends: ["h:0"] })), ['pools.web.backends[0]: "h:0" has port 0']);
  assertEquals(mistakes(file({}, { backends: [{ address: "h:0" }] })), [
    'pools.web.backends[0]: "h:0" has port 0',
  ]);
});

test("keys of another kind of heartbeat are mistakes, and so are missing ones", () => {
  const wrong: readonly (readonly [object, readonly string[]])[] = [
    [
      { path: "/x", statuses: [200], send: "x" },
      [
        "pools.web.heartbeat.path: path is for the kind http",
        "pools.web.heartbeat.statuses: statuses is for the kind http",
        "pools.web.heartbeat.send: send is for the kind send-expect or udp",
      ],
    ],
    [
      { kind: "http", expect: "x" },
      ["pools.web.heartbeat.expect: expect is for the kind send-expect or udp"],
    ],
    [{ kind: "http", path: "x" }, ['pools.web.heartbeat.path: "x" does not start with /']],
    [
      { kind: "send-expect" },
      ['pools.web.heartbeat.kind: "send-expect" needs to know what the answer has to hold'],
    ],
    [{ kind: "udp" }, ['pools.web.heartbeat.kind: "udp" needs something to send that backends answer']],
  ];
  for (const [heartbeat, sentences] of wrong) assertEquals(mistakes(file({}, { heartbeat })), sentences);
  parsed(file({}, { heartbeat: { kind: "udp", send: "x" } }));
});

test("addresses of DNS without a port, and services with one, are mistakes", () => {
  assertEquals(mistakes(file({}, { dns: { name: "a.b" } })), [
    "pools.web.dns: addresses in DNS have no port",
  ]);
  assertEquals(mistakes(file({}, { dns: { name: "a.b", type: "srv", port: 1 } })), [
    "pools.web.dns.port: services in DNS have their own ports",
  ]);
});

test("half an identity, and an authority that nobody asks, are mistakes of TLS", () => {
  assertEquals(mistakes(file({}, { tls: { certificate: "a" } })), [
    "pools.web.tls.certificate: a certificate is of no use without its key",
  ]);
  assertEquals(mistakes(file({}, { tls: { key: "a" } })), [
    "pools.web.tls.key: a key is of no use without its certificate",
  ]);
  assertEquals(mistakes(file({}, { tls: { verify: false, ca: "a" } })), [
    "pools.web.tls.ca: with verify false nothing is checked by it",
  ]);
});

test("a registry or an announcement without a Redis is a mistake, and so is one into one's own pool", () => {
  const advertise = { address: "h:1", pool: "web" };
  assertEquals(mistakes(file({}, { registry: "chat" }, { advertise })), [
    "pools.web.registry: the registry is in a Redis",
    "advertise: a balancer announces itself in a Redis",
  ]);
  assertEquals(mistakes(file({}, { registry: true }, { advertise, redis: "redis://h" })), [
    'advertise.pool: "web" is where the pool "web" takes its backends from',
  ]);
  parsed(file({}, { registry: "chat" }, { advertise, redis: "redis://h" }));
});

test("a state file that is the configuration is a mistake", () => {
  assertEquals(mistakes(file({}, {}, { state: "chorus.json" })), [
    "state: this is the configuration file itself",
  ]);
});
