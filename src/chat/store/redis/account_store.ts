import {
  type AccountStore,
  type DeviceState,
  FAILURE_WINDOW_MS,
  type LoginTry,
  MAX_FAILURES_COUNTED,
  type Token,
  type User,
} from "../account.ts";
import { randomEpoch } from "../line.ts";
import {
  CHANGE_PASSWORD_SCRIPT,
  CREATE_USER_SCRIPT,
  END_DEVICES_SCRIPT,
  NOTE_TRY_SCRIPT,
  OPEN_DEVICE_SCRIPT,
  REMOVE_TOKENS_SCRIPT,
} from "./account_scripts.ts";
import type { RedisStoreContext } from "./context.ts";
import { DeviceAcks } from "./device_acks.ts";
import { toStoreError } from "./error.ts";
import { InboxStates } from "./inbox_state.ts";
import { InboxRepair } from "./repair.ts";
import { toList, toText } from "./reply.ts";

/** How often a login is begun again because its inbox is to be repaired: Redis may fail over meanwhile. */
const MAX_TRIES = 3;

const NO_DEVICE: DeviceState = {
  epoch: "",
  top: 0,
  stamp: 0,
  floor: 0,
  generation: 0,
  isRaised: true,
  acked: 0,
};

/** The part of a store in Redis that knows who is who, and where devices stand. Disposing writes what is queued. */
export function accountPart(context: RedisStoreContext): AccountStore & AsyncDisposable {
  const users = new Users(context);
  const tokens = new Tokens(context);
  const repair = new InboxRepair(context);
  const devices = new DeviceLogins(context, repair);
  const acks = new DeviceAcks(context);
  const states = new InboxStates(context, repair);
  const tries = new LoginTries(context);
  return {
    createUser: (user) => tried("make a user", users.create(user, repair.history)),
    findUser: (name) => tried("find a user", users.find(name)),
    changePassword: (name, from, to, except) =>
      tried("change a password", users.changePassword(name, from, to, except)),
    addToken: (token) => tried("add a token", tokens.add(token)),
    findToken: (hash, now) => tried("find a token", tokens.find(hash, now)),
    removeToken: (hash) => tried("remove a token", tokens.remove(hash)),
    removeTokens: (user) => tried("remove tokens", tokens.removeAll(user)),
    endDevices: (user, except) => tried("end sessions", devices.endAll(user, except)),
    openDevice: (user, device, now, generation) =>
      tried("note a login", devices.open(user, device, now, generation)),
    ack: (user, device, epoch, inbox, delivered, stamp) =>
      acks.ack({ user, device, epoch, inbox, delivered, stamp }),
    inboxState: (user) => tried("read where an inbox stands", states.one(user)),
    inboxStates: (places) => tried("read where inboxes stand", states.many(places)),
    noteLoginTry: (name, host, now) => tried("note a login", tries.note(name, host, now)),
    takeBackLoginTry: (attempt) => tried("take back a login", tries.takeBack(attempt)),
    async [Symbol.asyncDispose]() {
      await Promise.all([acks[Symbol.asyncDispose](), repair[Symbol.asyncDispose]()]);
    },
  };
}

async function tried<T>(action: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw toStoreError(cause, action);
  }
}

/** Who has an account. */
class Users {
  readonly #context: RedisStoreContext;

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  async create({ name, password }: User, history: string): Promise<boolean> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.user(name);
    const args = [password, randomEpoch(), history];
    const made = await keyspace.script(CREATE_USER_SCRIPT, [key, keys.mark(name)], args, { deadlineMs });
    if (made !== 1) return false;
    await this.#context.confirm(key);
    return true;
  }

  async find(name: string): Promise<User | undefined> {
    const { reads, keys, deadlineMs } = this.#context;
    const key = keys.user(name);
    const password = await reads.command(key, ["HGET", key, "password"], { deadlineMs });
    return typeof password === "string" ? { name, password } : undefined;
  }

  async changePassword(name: string, from: string, to: string, except = ""): Promise<boolean> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.user(name);
    const names = [key, keys.mark(name), keys.devices(name)];
    const changed = await keyspace.script(CHANGE_PASSWORD_SCRIPT, names, [from, to, except], { deadlineMs });
    if (changed !== 1) return false;
    await this.#context.confirm(key);
    return true;
  }
}

/**
 * Tokens. Each is kept with its user's count of removals when it was added: another count makes it worthless, so that all of them are removed
 * in one step although they are kept in many places.
 */
class Tokens {
  readonly #context: RedisStoreContext;

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  async add({ hash, user, expiresAt }: Token): Promise<void> {
    const { keyspace, keys, deadlineMs, clock } = this.#context;
    const lifeMs = Math.ceil(expiresAt - clock.wallNow());
    if (lifeMs <= 0) return;
    const key = keys.token(hash);
    const userKey = keys.user(user);
    // A removal right after this makes the new token worthless, too: that is the safe side.
    const removals = await keyspace.command(userKey, ["HGET", userKey, "removals"], { deadlineMs });
    const value = `${expiresAt} ${toText(removals) || "0"} ${user}`;
    await keyspace.command(key, ["SET", key, value, "PX", `${lifeMs}`], { deadlineMs });
    await this.#context.confirm(key);
  }

  async find(hash: string, now: number): Promise<string | undefined> {
    const { reads, keys, deadlineMs } = this.#context;
    const key = keys.token(hash);
    const token = toText(await reads.command(key, ["GET", key], { deadlineMs }));
    const [expiresAt, removals, user = ""] = token.split(" ");
    if (!(Number(expiresAt || 0) > now)) return undefined;
    const userKey = keys.user(user);
    const counted = toText(await reads.command(userKey, ["HGET", userKey, "removals"], { deadlineMs }));
    return (counted || "0") === removals ? user : undefined;
  }

  async remove(hash: string): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.token(hash);
    await keyspace.command(key, ["DEL", key], { deadlineMs });
    await this.#context.confirm(key);
  }

  async removeAll(user: string): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.user(user);
    await keyspace.script(REMOVE_TOKENS_SCRIPT, [key], [], { deadlineMs });
    await this.#context.confirm(key);
  }
}

/** Logins of devices. */
class DeviceLogins {
  readonly #context: RedisStoreContext;
  readonly #repair: InboxRepair;

  constructor(context: RedisStoreContext, repair: InboxRepair) {
    this.#context = context;
    this.#repair = repair;
  }

  async open(
    user: string,
    device: string,
    now: number,
    generation: number | undefined,
  ): Promise<DeviceState> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const names = [keys.mark(user), keys.devices(user)];
    for (let tries = 1; ; tries++) {
      const history = tries < MAX_TRIES ? this.#repair.history : "";
      const args = [device, `${now}`, `${limits.devices}`, history, `${generation ?? ""}`];
      const reply = await keyspace.script(OPEN_DEVICE_SCRIPT, names, args, { deadlineMs });
      if (reply !== 0) {
        await this.#context.confirm(keys.devices(user));
        return toDeviceState(toList(reply));
      }
      await this.#repair.repair(user);
    }
  }

  async endAll(user: string, except = ""): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const names = [keys.mark(user), keys.devices(user)];
    await keyspace.script(END_DEVICES_SCRIPT, names, [except], { deadlineMs });
    await this.#context.confirm(keys.devices(user));
  }
}

function toDeviceState(values: readonly unknown[]): DeviceState {
  if (values.length === 0) return NO_DEVICE;
  const [epoch, ...numbers] = values;
  const [top = 0, stamp = 0, floor = 0, generation = 0, acked = 0, isRaised = 0] = numbers.map(Number);
  return { epoch: toText(epoch), top, stamp, floor, generation, isRaised: isRaised === 1, acked };
}

/** What a try is counted under. */
const KINDS = ["name", "host"] as const;

/** Tries to log in by password. */
class LoginTries {
  readonly #context: RedisStoreContext;

  constructor(context: RedisStoreContext) {
    this.#context = context;
  }

  async note(name: string, host: string, now: number): Promise<LoginTry> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const values = { name, host };
    const id = randomEpoch();
    const args = [`${now}`, id, `${FAILURE_WINDOW_MS}`, `${MAX_FAILURES_COUNTED}`];
    const counts = await Promise.all(
      KINDS.map((kind) =>
        keyspace.script(NOTE_TRY_SCRIPT, [keys.failures(kind, values[kind])], args, { deadlineMs }),
      ),
    );
    return { id, name, host, before: { name: Number(counts[0]), host: Number(counts[1]) } };
  }

  async takeBack(attempt: LoginTry): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    await Promise.all(
      KINDS.map((kind) => {
        const key = keys.failures(kind, attempt[kind]);
        return keyspace.command(key, ["ZREM", key, attempt.id], { deadlineMs });
      }),
    );
  }
}
