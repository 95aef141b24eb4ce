import type { InboxFinding, InboxPlace } from "../account.ts";
import { type Store, StoreError } from "../contract.ts";
import { MAX_NUMBER } from "./schema.ts";
import type { WriteOp, WriteResult } from "./write.ts";

/** The half of a store that changes something. */
export type Writing = Pick<
  Store,
  | "createUser"
  | "changePassword"
  | "addToken"
  | "removeToken"
  | "removeTokens"
  | "noteLoginTry"
  | "takeBackLoginTry"
  | "openDevice"
  | "endDevices"
  | "ack"
  | "changeFriend"
  | "changeGroup"
  | "send"
  | "markRead"
> & {
  /** Looks at a place that seems to have been rolled back, and begins a new epoch if it was. */
  checkPlace(place: InboxPlace): Promise<InboxFinding>;
};

/** Makes a store's changes out of one function that writes. */
export function writing(write: (op: WriteOp) => Promise<WriteResult>): Writing {
  return {
    async createUser(user) {
      return expect(await write({ type: "create_user", user }), "created").isNew;
    },
    async changePassword(name, from, to, except) {
      return expect(await write({ type: "change_password", name, from, to, except }), "changed").isChanged;
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
    async noteLoginTry(name, host, now) {
      return expect(await write({ type: "note_login_try", name, host, now }), "noted").attempt;
    },
    async takeBackLoginTry({ id }) {
      expect(await write({ type: "take_back_login_try", id }), "done");
    },
    async openDevice(user, device, now, generation) {
      const own = generation === undefined ? {} : { generation };
      return expect(await write({ type: "open_device", user, device, now, ...own }), "opened").device;
    },
    async endDevices(user, except) {
      expect(await write({ type: "end_devices", user, except }), "done");
    },
    async ack(user, device, epoch, inbox, delivered, stamp) {
      const known = stamp === undefined ? {} : { stamp };
      expect(await write({ type: "ack", user, device, epoch, inbox, delivered, ...known }), "done");
    },
    async checkPlace(place) {
      return expect(await write({ type: "check_place", place }), "checked").finding;
    },
    async changeFriend(user, action, other) {
      return expect(await write({ type: "friend", user, action, other }), "friend").result;
    },
    async changeGroup(group, by, change) {
      return expect(await write({ type: "group", group, by, change }), "group").result;
    },
    async send(message) {
      return expect(await write({ type: "send", message }), "sent").result;
    },
    async markRead(user, conversation, seq) {
      return expect(await write({ type: "read", user, conversation, seq: Math.min(seq, MAX_NUMBER) }), "read")
        .result;
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
