import { type Store, StoreError } from "./contract.ts";
import type { WriteOp, WriteResult } from "./write.ts";

/** The half of a store that changes something. */
export type Writing = Pick<
  Store,
  "createUser" | "addToken" | "removeToken" | "removeTokens" | "openDevice" | "ack" | "send"
>;

/** Makes a store's changes out of one function that writes, so that every store says them alike. */
export function writing(write: (op: WriteOp) => Promise<WriteResult>): Writing {
  return {
    async createUser(user) {
      return expect(await write({ type: "create_user", user }), "created").isNew;
    },
    async addToken(token) {
      expect(await write({ type: "add_token", token }), "done");
    },
    async removeToken(hash) {
      expect(await write({ type: "remove_token", hash }), "done");
    },
    async removeTokens(user) {
      expect(await write({ type: "remove_tokens", user }), "done");
    },
    async openDevice(user, device, now) {
      return expect(await write({ type: "open_device", user, device, now }), "opened").device;
    },
    async ack(user, device, epoch, inbox) {
      expect(await write({ type: "ack", user, device, epoch, inbox }), "done");
    },
    async send(message) {
      return expect(await write({ type: "send", message }), "sent").result;
    },
  };
}

type ResultOf<T extends WriteResult["type"]> = Extract<WriteResult, { type: T }>;

function expect<T extends WriteResult["type"]>(result: WriteResult, type: T): ResultOf<T> {
  if (isType(result, type)) return result;
  const reason =
    result.type === "failed" ? result.reason : `the writer answered "${result.type}" for "${type}"`;
  throw new StoreError("unavailable", `Cannot write to the store: ${reason}`);
}

function isType<T extends WriteResult["type"]>(result: WriteResult, type: T): result is ResultOf<T> {
  return result.type === type;
}
