import { openRedis, openSqlite, openSqliteRemotely } from "./open_stores.ts";
import { testStore } from "./store_conformance.ts";

testStore("sqlite", openSqlite);
testStore("sqlite written by another process", openSqliteRemotely);
testStore("redis", openRedis);
