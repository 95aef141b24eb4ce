import { partitionOf } from "../../../redis/mod.ts";
import { type Outgoing, orderOf, type SendResult, StoreError } from "../contract.ts";
import { APPEND_SCRIPT, appendCall } from "./append_script.ts";
import type { RedisStoreContext } from "./context.ts";
import type { Deliveries } from "./deliveries.ts";
import type { KnownNames } from "./known_names.ts";
import { Lanes } from "./lane.ts";
import { toTexts } from "./reply.ts";
import { ownEntry, parseSent, SEND_SCRIPT, type SendCall, type Sent, sendCall } from "./send_script.ts";
import type { Appended } from "./waiting_windows.ts";

/** Messages that one call appends: Redis does nothing else while it runs the script. */
const MAX_APPENDED = 128;
/**
 * Direct messages in one call, which delivers them, too: about 1 ms of Redis. With more in one, servers and Redis wait for each other in turns: on two
 * shared cores Bun and Deno carried 7 to 10 % less.
 */
const MAX_DIRECT = 32;
/** Into how many lanes conversations are spread, so that Redis has something to do while an answer is on its way. */
const DIRECT_LANES = 4;
/** Characters of text in one call. */
const MAX_CHARACTERS = 512 * 1024;

type Results = readonly (SendResult | StoreError)[];

/**
 * Sends messages. Direct ones on a Redis in one piece are appended and delivered with one call; everything else goes by steps: it is
 * appended, that is the answer, and then delivered.
 */
export class Sender {
  readonly #context: RedisStoreContext;
  readonly #deliveries: Deliveries;
  readonly #direct: Lanes<Outgoing, SendResult>;
  readonly #steps: Lanes<Outgoing, SendResult>;
  readonly #names: KnownNames;

  constructor(context: RedisStoreContext, deliveries: Deliveries, names: KnownNames) {
    this.#context = context;
    this.#names = names;
    this.#deliveries = deliveries;
    const { deadlineMs, clock } = context;
    const weigh =
      (most: number) =>
      ({ text }: Outgoing): number =>
        1 / most + text.length / MAX_CHARACTERS;
    const options = {
      action: "write to the store",
      deadlineMs,
      clock,
      // A sender's later message is not to overtake one that goes again.
      orderOf,
    };
    this.#direct = new Lanes({
      ...options,
      weigh: weigh(MAX_DIRECT),
      run: (messages) => this.#sendDirect(messages),
    });
    this.#steps = new Lanes({
      ...options,
      weigh: weigh(MAX_APPENDED),
      run: (messages) => this.#append(messages),
    });
  }

  /** See `MessageStore.send`. */
  send(message: Outgoing): Promise<SendResult> {
    const { conversation } = message;
    if (this.#context.isSplit) return this.#steps.ask(partitionOf(conversation), message);
    if (conversation.startsWith("#")) return this.#steps.ask("", message);
    return this.#direct.ask(`${Number(partitionOf(conversation)) % DIRECT_LANES}`, message);
  }

  /** Finishes what is queued. */
  async close(): Promise<void> {
    await Promise.all([this.#direct.close(), this.#steps.close()]);
  }

  async #sendDirect(messages: readonly Outgoing[]): Promise<Results> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const call = sendCall(messages, limits, keys);
    const replies = toTexts(await keyspace.script(SEND_SCRIPT, call.keys, call.args, { deadlineMs }));
    const results = messages.map(({ conversation }, index) => {
      const sent = parseSent(replies[index]);
      if (sent instanceof StoreError) return sent;
      if (sent.isOwed) this.#deliveries.mend(conversation);
      return withOwn(sent, call.written[index]);
    });
    await this.#confirm(messages, results);
    return results;
  }

  async #append(messages: readonly Outgoing[]): Promise<Results> {
    const { keyspace, keys, limits, deadlineMs } = this.#context;
    const names = messages.flatMap(({ from, to }) => (to.startsWith("#") ? [from] : [from, to]));
    const missing = await this.#names.findMissing(names);
    const obstacleOf = ({ from, to }: Outgoing) => missing.get(from) ?? missing.get(to);
    const sendable = messages.filter((message) => obstacleOf(message) === undefined);
    const call = appendCall(sendable, limits, keys);
    const replies =
      sendable.length > 0
        ? toTexts(await keyspace.script(APPEND_SCRIPT, call.keys, call.args, { deadlineMs }))
        : [];
    const appended: Appended[] = [];
    let next = 0;
    const results = messages.map((message) => {
      const obstacle = obstacleOf(message);
      if (obstacle === "unknown") return { outcome: "unknown_user" } as const;
      if (obstacle !== undefined) return obstacle;
      next += 1;
      const sent = parseSent(replies[next - 1]);
      if (sent instanceof StoreError) return sent;
      if (sent.isOwed && sent.result.outcome === "stored")
        appended.push(toAppended(message, sent.result.seq, sent.rest, call.tails[next - 1] ?? ""));
      return sent.result;
    });
    await this.#confirm(sendable, results);
    // Not before: on a Cluster inboxes are elsewhere, and would keep what their log has lost again.
    for (const one of appended) this.#deliveries.take(one);
    return results;
  }

  /** One wait: the messages of a lane are all kept at one server. */
  async #confirm(messages: readonly Outgoing[], results: Results): Promise<void> {
    if (results.every((result) => result instanceof StoreError)) return;
    const { keys, confirm } = this.#context;
    const [first] = messages;
    if (first) await confirm(keys.conv(first.conversation));
  }
}

/** The result with the sender's own entry, where the script has told of it. */
function withOwn({ result, rest }: Sent, written: SendCall["written"][number] | undefined): SendResult {
  if (result.outcome !== "stored" || !written) return result;
  const own = ownEntry(result.seq, written, rest);
  return own ? { ...result, own } : result;
}

/** @param rest What the script says beside the result. */
function toAppended(message: Outgoing, seq: number, rest: readonly string[], tail: string): Appended {
  const [version, before = "0", stamp = "0"] = rest;
  const { conversation, from } = message;
  return { conversation, seq, before, stamp, from, tail, version: Number(version) };
}
