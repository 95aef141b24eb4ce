import { redisServer } from "../../redis_server.ts";
import { redisKind } from "./redis_kind.ts";
import { testStore } from "./store_conformance.ts";

testStore(redisKind("redis", () => redisServer()));
