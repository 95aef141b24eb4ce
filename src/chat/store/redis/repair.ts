import { createHash } from "node:crypto";
import { Semaphore } from "../../../async/mod.ts";
import { defineScript, PARTITIONS, partitionOf, type RedisScript } from "../../../redis/mod.ts";
import { MAX_PLACES } from "../account.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import { markField } from "./keys.ts";
import { Lanes } from "./lane.ts";
import { toTexts } from "./reply.ts";

/** Inboxes that are repaired at once. */
const MAX_REPAIRS = 32;
/** Conversations that are looked at in one call. */
const MAX_CALL = 256;
const MARK_START = markField("");

/** Notes under which history an inbox agrees with its logs. Keys: mark. Arguments: the history. */
const COMPARED_SCRIPT: RedisScript = defineScript(`
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'history', ARGV[1])
return 1
`);

/** The newest messages of conversations. Keys: the conversations. Gives for each number and stamp. */
const TOPS_SCRIPT: RedisScript = defineScript(`
local reply = {}
for i = 1, #KEYS do
  local newest = redis.call('HMGET', KEYS[i], 'top', 'stamp')
  reply[i] = (newest[1] or '0') .. ' ' .. (newest[2] or '0')
end
return reply
`);

/** How far an inbox has come in a conversation. */
interface Mark {
  readonly conversation: string;
  readonly seq: string;
  readonly stamp: string;
}

/**
 * Makes good what a fail-over took from an inbox or from a log.
 *
 * An inbox remembers the history of Redis under which its marks were last compared with the tops of the logs. Under another one they are
 * compared again: what the inbox lacks is brought, and where a log lacks what the inbox has, history was rolled back.
 */
export class InboxRepair implements AsyncDisposable {
  readonly #context: RedisStoreContext;
  /** What is asked about conversations by repairs that are under way at the same time. */
  readonly #tops: Lanes<string, string>;
  readonly #turns = new Semaphore(MAX_REPAIRS, Number.POSITIVE_INFINITY);
  /** Under way, by user: whoever asks meanwhile gets the same. */
  readonly #running = new Map<string, Promise<void>>();
  #lastHistories = "";
  #history = "";

  constructor(context: RedisStoreContext) {
    this.#context = context;
    this.#tops = new Lanes({
      action: "read the tops of logs",
      run: (conversations) => this.#readTops(conversations),
      weigh: () => 1 / MAX_CALL,
      deadlineMs: context.deadlineMs,
      clock: context.clock,
    });
  }

  /** The history that Redis is writing now, one word for all its parts; empty while one of them cannot be reached. */
  get history(): string {
    const { keyspace } = this.#context;
    const parts = Array.from({ length: PARTITIONS }, (_, number) =>
      keyspace.history(`{${`${number}`.padStart(2, "0")}}`),
    );
    if (parts.includes("")) return "";
    const histories = [...new Set(parts)].join();
    if (histories !== this.#lastHistories) {
      this.#lastHistories = histories;
      this.#history = createHash("sha256").update(histories).digest("hex").slice(0, 16);
    }
    return this.#history;
  }

  /** Repairs the inbox of a user. @throws {StoreError} `unavailable`. */
  repair(user: string): Promise<void> {
    const running = this.#running.get(user);
    if (running !== undefined) return running;
    // Whoever waits was counted before: places in one call, and logins under way.
    const repairing = (this.#turns.tryRun(() => this.#repair(user)) ?? Promise.resolve()).finally(() =>
      this.#running.delete(user),
    );
    this.#running.set(user, repairing);
    return repairing;
  }

  /** Repairs inboxes, at most {@linkcode MAX_PLACES}. What cannot be repaired now is reported, and is found again the next time. */
  async tryAll(users: ReadonlySet<string>): Promise<void> {
    await Promise.all(
      users
        .keys()
        .take(MAX_PLACES)
        .map(async (user) => {
          try {
            await this.repair(user);
          } catch (error) {
            const failure = toStoreError(error, `repair the inbox of ${user}`);
            this.#context.onError(failure, { during: "request" });
          }
        }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#tops.close();
  }

  async #repair(user: string): Promise<void> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const { history } = this;
    if (history === "") return;
    try {
      for (const conversation of await this.#findDifferent(user)) {
        await this.#context.bringUp(conversation, [user]);
      }
      await keyspace.script(COMPARED_SCRIPT, [keys.mark(user)], [history], { deadlineMs });
    } catch (cause) {
      throw toStoreError(cause, "repair an inbox");
    }
  }

  /** The conversations whose newest message is not the last one that the inbox took. */
  async #findDifferent(user: string): Promise<readonly string[]> {
    const marks = await this.#readMarks(user);
    const different: string[] = [];
    // Page by page: what waits at once is limited.
    for (let start = 0; start < marks.length; start += MAX_CALL) {
      const page = marks.slice(start, start + MAX_CALL);
      const agrees = await Promise.all(page.map((mark) => this.#agrees(mark)));
      different.push(...page.filter((_, index) => !agrees[index]).map(({ conversation }) => conversation));
    }
    return different;
  }

  async #readMarks(user: string): Promise<readonly Mark[]> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const key = keys.mark(user);
    const fields = toPairs(await keyspace.command(key, ["HGETALL", key], { deadlineMs }));
    return fields
      .filter(([field]) => field.startsWith(MARK_START))
      .map(([field, value]) => {
        const [seq = "0", stamp = "0"] = value.split(" ");
        return { conversation: field.slice(MARK_START.length), seq, stamp };
      });
  }

  async #agrees({ conversation, seq, stamp }: Mark): Promise<boolean> {
    const lane = this.#context.isSplit ? partitionOf(conversation) : "";
    const [top = "0", topStamp = "0"] = (await this.#tops.ask(lane, conversation)).split(" ");
    return top === seq && (topStamp === stamp || topStamp === "0" || stamp === "0");
  }

  async #readTops(conversations: readonly string[]): Promise<readonly string[]> {
    const { keyspace, keys, deadlineMs } = this.#context;
    return toTexts(await keyspace.script(TOPS_SCRIPT, conversations.map(keys.conv), [], { deadlineMs }));
  }
}

/** The fields of a hash: a list of names and values from one version of the protocol, an object from another. */
function toPairs(reply: unknown): readonly (readonly [string, string])[] {
  if (!Array.isArray(reply)) return Object.entries((reply ?? {}) as Readonly<Record<string, string>>);
  const list: readonly unknown[] = reply;
  return Array.from({ length: list.length / 2 }, (_, index) => [
    String(list[2 * index]),
    String(list[2 * index + 1]),
  ]);
}
