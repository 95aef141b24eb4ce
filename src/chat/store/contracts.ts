/**
 * Every type that a store is made of. Its operations are the chat server's: they are here to be read, not to be called beside it.
 *
 * @module
 */
export type * from "./account.ts";
export type * from "./contract.ts";
export type * from "./friend.ts";
export type * from "./group.ts";
export type * from "./limits.ts";
export type * from "./relation.ts";
export type * from "./sqlite/write.ts";
