import { PARTITIONS, partitionOf, type RedisKeyspace } from "../../redis/mod.ts";
import type { Ask, AskKind } from "./ask_queue.ts";
import { ASK_SCRIPT, CLEAR_SCRIPT } from "./presence_scripts.ts";
import { toList } from "./server_leases.ts";

/** Users in one call: Redis does nothing else meanwhile. */
const MAX_CALL_USERS = 500;
/** Users that are taken off a dead server in one call. */
const CLEARED_USERS = 256;

/** The servers that hold each user of an ask, in order. */
type Holders = (readonly string[])[];

/** One user in a batch, and where the answer belongs. */
interface Item {
  readonly kind: AskKind;
  readonly user: string;
  readonly ask: number;
  readonly place: number;
}

/** Which servers hold which users, as Redis knows it. */
export class UserHolders {
  readonly #keyspace: RedisKeyspace;
  readonly #prefix: string;

  constructor(keyspace: RedisKeyspace, prefix: string) {
    this.#keyspace = keyspace;
    this.#prefix = prefix;
  }

  /**
   * Carries out asks of a server, those about one user in order.
   *
   * @returns For each ask the servers that hold each of its users, in order, for `+` and `-` without the one that asks; an error where that of
   * one of them cannot be reached.
   */
  async ask(server: string, asks: readonly Ask[]): Promise<readonly (Holders | Error)[]> {
    const parts = new Map<string, Item[]>();
    for (const [ask, { kind, users }] of asks.entries()) {
      for (const [place, user] of users.entries()) {
        const part = partitionOf(user);
        const items = parts.get(part);
        if (items) items.push({ kind, user, ask, place });
        else parts.set(part, [{ kind, user, ask, place }]);
      }
    }
    const answers: (Holders | Error)[] = asks.map(() => []);
    await Promise.all(parts.entries().map(([part, items]) => this.#tryPart(server, part, items, answers)));
    return answers;
  }

  /**
   * Takes a dead server off its users.
   *
   * @param onGone Called with those whom no other server holds, before Redis forgets that they were the dead server's.
   * @throws {RedisError}
   */
  async clear(server: string, onGone: (users: readonly string[]) => void): Promise<void> {
    for (let number = 0; number < PARTITIONS; number++) {
      await this.#clearPart(server, `${number}`.padStart(2, "0"), onGone);
    }
  }

  /** A part of a Cluster that is away keeps nobody else from being answered. */
  async #tryPart(
    server: string,
    part: string,
    items: readonly Item[],
    answers: (Holders | Error)[],
  ): Promise<void> {
    try {
      await this.#askPart(server, part, items, answers);
    } catch (error) {
      for (const { ask } of items) answers[ask] = error instanceof Error ? error : new Error(String(error));
    }
  }

  async #askPart(
    server: string,
    part: string,
    items: readonly Item[],
    answers: readonly (Holders | Error)[],
  ): Promise<void> {
    const keys = this.#keys(part, server);
    for (let start = 0; start < items.length; start += MAX_CALL_USERS) {
      const call = items.slice(start, start + MAX_CALL_USERS);
      const args = [server, ...call.flatMap(({ kind, user }) => [kind, user])];
      const reply = toList(await this.#keyspace.script(ASK_SCRIPT, keys, args));
      for (const [index, { ask, place }] of call.entries()) {
        const holders = answers[ask];
        if (Array.isArray(holders)) holders[place] = toServers(reply[index]);
      }
    }
  }

  async #clearPart(server: string, part: string, onGone: (users: readonly string[]) => void): Promise<void> {
    const keys = this.#keys(part, server);
    let settled: readonly string[] = [];
    do {
      const args = [server, `${CLEARED_USERS}`, ...settled];
      const reply = toList(await this.#keyspace.script(CLEAR_SCRIPT, keys, args));
      settled = reply.filter((_, index) => index % 2 === 0).map(String);
      const gone = settled.filter((_, index) => reply[2 * index + 1] === 1);
      if (gone.length > 0) onGone(gone);
    } while (settled.length > 0);
  }

  #keys(part: string, server: string): readonly string[] {
    return [`${this.#prefix}online:{${part}}`, `${this.#prefix}held:{${part}}:${server}`];
  }
}

function toServers(value: unknown): readonly string[] {
  return typeof value === "string" && value !== "" ? value.split("\n") : [];
}
