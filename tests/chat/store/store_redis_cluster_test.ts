import { redisCluster } from "../../redis_cluster.ts";
import { redisKind } from "./redis_kind.ts";
import { testStore } from "./store_conformance.ts";

testStore(redisKind("redis cluster", () => redisCluster()));
