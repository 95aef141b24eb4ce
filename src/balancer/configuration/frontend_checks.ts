import { formatAddress, isLoopback } from "../../net/mod.ts";
import type { Finding, SoundValues } from "./finding.ts";
import type { FrontendValues } from "./frontend_schema.ts";
import { nearest } from "./problem.ts";

/** What a frontend has that does not go together with itself, its pool, the other frontends or the admin server. */
export function* checkFrontends(values: SoundValues): Generator<Finding> {
  const taken = new Map<string, string>();
  for (const [name, frontend] of Object.entries(values.frontends)) {
    const key = keyOf(frontend);
    const other = key && taken.get(key);
    if (other !== undefined) {
      const message = `"${formatAddress(frontend.listen)}" is where the frontend "${other}" listens already; each needs an address of its own`;
      yield { path: ["frontends", name, "listen"], message };
    }
    if (key) taken.set(key, name);
    yield* checkPoolOf(name, frontend, values);
    yield* frontend.transport === "udp" ? checkUdp(name, frontend, values) : checkTcp(name, values);
  }
  yield* checkAdmin(values, taken);
}

/** What two frontends may not have in common; undefined where the system chooses the port. */
function keyOf({ listen, transport }: Pick<FrontendValues, "listen" | "transport">): string | undefined {
  if ("port" in listen && listen.port === 0) return undefined;
  return `${transport} ${"port" in listen ? formatAddress(listen).toLowerCase() : formatAddress(listen)}`;
}

function* checkPoolOf(
  name: string,
  { pool }: FrontendValues,
  { poolNames }: SoundValues,
): Generator<Finding> {
  if (poolNames?.includes(pool) !== false) return;
  const meant = nearest(pool, poolNames);
  const there = poolNames.length === 0 ? "there is none" : `there are ${poolNames.slice(0, 10).join(", ")}`;
  const hint = meant === undefined ? there : `did you mean "${meant}"?`;
  yield { path: ["frontends", name, "pool"], message: `"${pool}" is not the name of a pool; ${hint}` };
}

function* checkTcp(name: string, { has }: SoundValues): Generator<Finding> {
  const path = ["frontends", name, "timeouts", "session"];
  if (has(...path)) yield { path, message: "session is for UDP; over TCP there are idle and halfClose" };
}

function* checkUdp(name: string, frontend: FrontendValues, { has, pools }: SoundValues): Generator<Finding> {
  const at = (...rest: string[]): string[] => ["frontends", name, ...rest];
  if (frontend.tls)
    yield { path: at("tls"), message: "TLS is for streams, and this frontend takes UDP; leave tls away" };
  if ("path" in frontend.listen)
    yield {
      path: at("listen"),
      message: `"${formatAddress(frontend.listen)}" is a unix socket; for UDP write HOST:PORT`,
    };
  for (const key of ["idle", "halfClose", "preread"]) {
    const path = at("timeouts", key);
    if (has(...path)) yield { path, message: `${key} is for TCP; for UDP there is session` };
  }
  const pool = pools[frontend.pool];
  const reasons = [
    pool?.policy === "key-hash" &&
      "picks by key-hash, which looks into the first bytes of a stream; use ip-hash",
    pool?.tls !== undefined && "speaks TLS to its backends, which takes a stream",
    pool?.proxyProtocol === 1 && "speaks version 1 of the PROXY protocol, which knows no UDP; write v2",
  ];
  for (const reason of reasons) {
    if (reason)
      yield { path: at("pool"), message: `the pool "${frontend.pool}" ${reason}; this frontend takes UDP` };
  }
}

function* checkAdmin({ admin }: SoundValues, taken: ReadonlyMap<string, string>): Generator<Finding> {
  if (!admin?.listen || admin.listen === "none") return;
  const path = ["admin", "listen"];
  const text = formatAddress(admin.listen);
  const other = taken.get(keyOf({ listen: admin.listen, transport: "tcp" }) ?? "");
  if (other !== undefined)
    yield {
      path,
      message: `"${text}" is where the frontend "${other}" listens already; choose another address`,
    };
  if (!isLoopback(admin.listen.host) && admin.tokenFile === undefined)
    yield {
      path,
      message: `"${text}" is not a loopback address; name a tokenFile (--admin-token), or listen on 127.0.0.1 or [::1]`,
    };
}
