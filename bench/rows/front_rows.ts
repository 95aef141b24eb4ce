/**
 * What stands before two chat servers: nginx, a balancer that splices, or `chorus up`, which hands connections over.
 *
 * @module
 */
import { redisStore } from "../../mod.ts";
import { redisServer } from "../../tests/redis_server.ts";
import type { Row } from "../contract.ts";
import { RUNTIME_NAMES, type RuntimeName, startFile } from "../processes.ts";
import {
  type ChatWork,
  type Cluster,
  cluster,
  NO_LIMITS,
  overRedis,
  readyAt,
  row,
  type StartCluster,
} from "./chat_rows.ts";
import { nginxBefore, nginxMissing } from "./proxies.ts";
import { reject, seedAccounts } from "./seed.ts";

/** Those that a quick look takes. */
const QUICK: readonly string[] = ["nginx node", "splice bun", "hand-over deno"];

/** The rows of the scenario: what stands there counts as one of the servers. */
export function frontRows(work: ChatWork): readonly Row[] {
  const rows = (name: string, kind: Row["kind"], start: (runtime: RuntimeName) => StartCluster): Row[] =>
    RUNTIME_NAMES.map((runtime) => ({
      ...row(`${name} ${runtime}`, kind, work, start(runtime)),
      isVariant: !QUICK.includes(`${name} ${runtime}`),
    }));
  return [
    ...rows("nginx", "peer", behindNginx).map((one) => ({ ...one, missing: nginxMissing })),
    ...rows("splice", "ours", spliced),
    ...rows("hand-over", "ours", handedOver),
  ];
}

function behindNginx(runtime: RuntimeName): StartCluster {
  return async (work) => {
    await using opened = new AsyncDisposableStack();
    const behind = opened.use(await overRedis(runtime, work));
    const { address, programs } = opened.use(await nginxBefore(behind.addresses));
    return before(behind, address, programs[0]?.pid, opened.move());
  };
}

function spliced(runtime: RuntimeName): StartCluster {
  return async (work) => {
    await using opened = new AsyncDisposableStack();
    const behind = opened.use(await overRedis(runtime, work));
    const backends = behind.addresses.flatMap((address) => ["--backend", address]);
    const args = ["balance", "--listen", "127.0.0.1:0", "--admin", "none", ...backends];
    const balancer = opened.use(startFile("server", runtime, "mod.ts", args));
    const [address = ""] = await readyAt([balancer], /^chorus balance ready tcp=(\S+)/m);
    return before(behind, address, balancer.pid, opened.move());
  };
}

function handedOver(runtime: RuntimeName): StartCluster {
  return async ({ users }) => {
    await using opened = new AsyncDisposableStack();
    const redis = opened.use(await redisServer());
    await using store = await redisStore({ url: redis.url, onError: reject });
    const accounts = await seedAccounts(store, users);
    const flags = ["--dispatch", "hand-over", "--servers", "2", "--redis", redis.url];
    const args = ["up", "--listen", "127.0.0.1:0", "--admin", "none", ...flags, ...NO_LIMITS];
    const up = opened.use(startFile("server", runtime, "mod.ts", args));
    const addresses = await readyAt([up], /^chorus up ready tcp=(\S+)/m);
    const programs = [up, { role: "redis", pid: redis.pid }];
    return cluster("chorus", addresses, accounts, programs, opened.move());
  };
}

/** A cluster by the address of what stands before it. */
function before(
  behind: Cluster,
  address: string,
  pid: number | undefined,
  opened: AsyncDisposableStack,
): Cluster {
  const programs = [...behind.programs, { role: "server", pid: pid ?? 0 }];
  return cluster(behind.kind, [address], behind.accounts, programs, opened);
}
