import type { Clock } from "../../../async/mod.ts";
import { type RedisConnection, type RedisScript, runScript } from "../../../redis/mod.ts";
import { type DeviceState, type Outgoing, StoreError, type Token } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { randomEpoch } from "../line.ts";
import type { AccountOp, WriteOp, WriteResult } from "../write.ts";
import {
  ACK_SCRIPT,
  ADD_TOKEN_SCRIPT,
  CREATE_USER_SCRIPT,
  OPEN_DEVICE_SCRIPT,
  REMOVE_TOKENS_SCRIPT,
} from "./account_scripts.ts";
import type { Keys } from "./keys.ts";
import { parseSendResult, SEND_SCRIPT, sendArguments } from "./send_script.ts";

/** Options for {@linkcode Scripts}. */
export interface ScriptsOptions {
  readonly keys: Keys;
  readonly limits: Required<StoreLimits>;
  /** The longest to wait for an answer, in milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
}

const DONE: WriteResult = { type: "done" };

/** Carries out writes, each atomically within Redis. */
export class Scripts {
  readonly #connection: RedisConnection;
  readonly #options: ScriptsOptions;

  constructor(connection: RedisConnection, options: ScriptsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Sends everything at once: all messages in one call, the other writes in one each. */
  run(ops: readonly WriteOp[]): readonly Promise<WriteResult>[] {
    const messages = ops.flatMap((op) => (op.type === "send" ? [op.message] : []));
    const results = messages.length > 0 ? this.#send(messages) : Promise.resolve([]);
    let next = 0;
    return ops.map((op) => {
      if (op.type !== "send") return this.#runOne(op);
      const index = next;
      next += 1;
      return results.then((sent) => ({ type: "sent", result: parseSendResult(sent[index]) }));
    });
  }

  async #send(messages: readonly Outgoing[]): Promise<readonly unknown[]> {
    const { limits, keys: names } = this.#options;
    const { keys, args } = sendArguments(messages, limits, names);
    return toList(await this.#call(SEND_SCRIPT, keys, args));
  }

  async #runOne(op: AccountOp): Promise<WriteResult> {
    const { keys } = this.#options;
    switch (op.type) {
      case "create_user": {
        const { name, password } = op.user;
        const args = [password, randomEpoch()];
        const made = await this.#call(CREATE_USER_SCRIPT, [keys.user(name), keys.mark(name)], args);
        return { type: "created", isNew: made === 1 };
      }
      case "add_token":
        return await this.#addToken(op.token);
      case "remove_token":
        await this.#connection.ask("remove a token", (client) => client.del(keys.token(op.hash)));
        return DONE;
      case "remove_tokens":
        await this.#call(REMOVE_TOKENS_SCRIPT, [keys.user(op.user)], []);
        return DONE;
      case "open_device": {
        const args = [op.device, `${op.now}`, `${this.#options.limits.devices}`];
        const reply = await this.#call(OPEN_DEVICE_SCRIPT, [keys.mark(op.user), keys.devices(op.user)], args);
        return { type: "opened", device: toDeviceState(toList(reply)) };
      }
      case "ack": {
        const args = [op.device, op.epoch, `${op.inbox}`];
        await this.#call(ACK_SCRIPT, [keys.mark(op.user), keys.devices(op.user)], args);
        return DONE;
      }
    }
  }

  async #addToken({ hash, user, expiresAt }: Token): Promise<WriteResult> {
    const { keys, clock } = this.#options;
    const lifeMs = Math.ceil(expiresAt - clock.wallNow());
    if (lifeMs <= 0) return DONE;
    await this.#call(
      ADD_TOKEN_SCRIPT,
      [keys.token(hash), keys.user(user)],
      [`${expiresAt}`, user, `${lifeMs}`],
    );
    return DONE;
  }

  #call(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return runScript(this.#connection, script, keys, args, { deadlineMs: this.#options.deadlineMs });
  }
}

function toDeviceState([epoch, ...numbers]: readonly unknown[]): DeviceState {
  const [top = 0, floor = 0, generation = 0, acked = 0] = numbers.map(Number);
  return { epoch: String(epoch), top, floor, generation, acked };
}

function toList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw new StoreError("unavailable", `Cannot write to Redis: a script answered ${typeof reply}`);
}
