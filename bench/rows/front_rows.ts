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
  cluster,
  NO_LIMITS,
  overRedis,
  readyAt,
  row,
  type StartCluster,
} from "./chat_rows.ts";
import { balanceBefore, nginxBefore, nginxMissing } from "./proxies.ts";
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
    ...rows("nginx", "peer", behind(nginxBefore)).map((one) => ({ ...one, missing: nginxMissing })),
    ...rows("splice", "ours", behind(balanceBefore)),
    ...rows("hand-over", "ours", handedOver),
  ];
}

/** Two servers with something before them. */
function behind(
  start: (backends: readonly string[], runtime: RuntimeName) => ReturnType<typeof nginxBefore>,
): (runtime: RuntimeName) => StartCluster {
  return (runtime) => async (work) => {
    await using opened = new AsyncDisposableStack();
    const { kind, addresses, accounts, programs } = opened.use(await overRedis(runtime, work));
    const front = opened.use(await start(addresses, runtime));
    const all = [...programs, ...front.programs.map(({ pid }) => ({ role: "server", pid }))];
    return cluster(kind, [front.address], accounts, all, opened.move());
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
