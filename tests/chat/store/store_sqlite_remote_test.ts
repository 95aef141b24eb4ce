import { remoteSqliteKind } from "./sqlite_kind.ts";
import { testStore } from "./store_conformance.ts";

testStore(remoteSqliteKind());
