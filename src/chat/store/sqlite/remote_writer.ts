import { type Clock, systemClock, type Timer } from "../../../async/mod.ts";
import type { Channel } from "../../../server/mod.ts";
import {
  type Durability,
  MAX_QUEUED_WRITES,
  StoreError,
  type StoreErrorCode,
  type StoreErrorHandler,
} from "../contract.ts";
import type { WriteOp, WriteResult, Writer } from "./write.ts";

/** The topic of writes and their results. */
const TOPIC = "store";

interface Request {
  readonly id: number;
  /** Goes up when a request, or one write of it, has failed: those under way with it fail as well, so that none overtakes it. */
  readonly round: number;
  /** None to ask for a flush, which has nothing to do with rounds. */
  readonly ops: readonly WriteOp[];
}

type Answer =
  | { readonly id: number; readonly results: readonly WriteResult[] }
  | { readonly id: number; readonly code: StoreErrorCode; readonly message: string };

/** Writes that go in one message, and who waits for their results. */
interface Batch {
  readonly round: number;
  readonly ops: WriteOp[];
  /** Nobody any more once it is late. */
  waiting: Waiting[];
  /** When it was sent. */
  at: number;
}

interface Waiting {
  readonly count: number;
  resolve(results: readonly WriteResult[]): void;
  reject(error: StoreError): void;
}

/** How long an answer may take, in milliseconds: a process that hangs, or a disk that does, is no reason for clients to wait on. */
const ANSWER_MS = 10_000;

/** Writes in one message; a request is never split. */
const MAX_BATCH_OPS = 256;

/**
 * Writes through another process, the one at the other end of `channel`, which calls {@linkcode serveWriter}.
 *
 * What is asked for in one tick goes as one message. When the channel breaks, everything under way is `unavailable`, and so is what has no answer within 10 s:
 * it may be stored all the same, and counts as a write that waits until there is one.
 *
 * @param durable What the writer at the other end waits for.
 */
export function remoteWriter(channel: Channel, durable: Durability, clock: Clock = systemClock): Writer {
  const writer = new RemoteWriter(channel, durable, clock);
  // Whoever serves this topic is serveWriter, in the same program.
  channel.on(TOPIC, (body) => writer.settle(body as Answer));
  void channel.closed.then(() => writer.fail());
  return writer;
}

/**
 * Lets the process at the other end of `channel` write with `writer`.
 *
 * @param onError Told of requests that make no sense.
 */
export function serveWriter(channel: Channel, writer: Writer, onError: StoreErrorHandler): void {
  let failedRound = -1;
  async function write({ round, ops }: Request): Promise<readonly WriteResult[]> {
    if (round <= failedRound) throw unavailable("a write before it failed");
    let isDone = false;
    try {
      const results = await writer.write(ops);
      isDone = !results.some(isFailed);
      return results;
    } finally {
      if (!isDone) failedRound = Math.max(failedRound, round);
    }
  }
  async function flush(): Promise<readonly WriteResult[]> {
    await writer.flush();
    return [];
  }
  channel.on(TOPIC, (body) => {
    if (isRequest(body)) void answer(channel, body.ops.length === 0 ? flush : write, body);
    else onError(new TypeError("Cannot write for a child: not a request"), { during: "request" });
  });
}

/** Never rejects; an answer that finds the channel closed has nobody to go to. */
async function answer(
  channel: Channel,
  write: (request: Request) => Promise<readonly WriteResult[]>,
  request: Request,
): Promise<void> {
  const { id } = request;
  try {
    const results = await write(request);
    channel.send(TOPIC, { id, results } satisfies Answer);
  } catch (error) {
    const { code, message } = error instanceof StoreError ? error : unavailable(String(error));
    channel.send(TOPIC, { id, code, message } satisfies Answer);
  }
}

class RemoteWriter implements Writer {
  readonly durable: Durability;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #underWay = new Map<number, Batch>();
  readonly #drained = Promise.withResolvers<void>();
  #next: Batch | undefined;
  #nextFlush: Promise<void> | undefined;
  #lastId = 0;
  #round = 0;
  #waitingOps = 0;
  #isOpen = true;
  #timer: Timer | undefined;

  constructor(channel: Channel, durable: Durability, clock: Clock) {
    this.#channel = channel;
    this.durable = durable;
    this.#clock = clock;
  }

  get isUp(): boolean {
    return this.#isOpen;
  }

  write(ops: readonly WriteOp[]): Promise<readonly WriteResult[]> {
    if (!this.#isOpen) return Promise.reject(unavailable("the writer was closed"));
    if (this.#waitingOps + ops.length > MAX_QUEUED_WRITES) {
      return Promise.reject(unavailable(`${MAX_QUEUED_WRITES} writes wait already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly WriteResult[]>();
    this.#add(ops, { count: ops.length, resolve, reject });
    return promise;
  }

  /** All that ask in one turn ask together. */
  flush(): Promise<void> {
    if (!this.#isOpen) return Promise.reject(unavailable("the writer was closed"));
    if (!this.#nextFlush) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#nextFlush = promise;
      const waiting = { count: 0, resolve: () => resolve(), reject };
      setImmediate(() => {
        this.#nextFlush = undefined;
        this.#transmit({ round: this.#round, ops: [], waiting: [waiting], at: 0 });
      });
    }
    return this.#nextFlush;
  }

  /** Takes what the other process says of a batch. */
  settle(answer: Answer): void {
    const batch = this.#underWay.get(answer.id);
    if (!batch) return;
    this.#underWay.delete(answer.id);
    if ("code" in answer || answer.results.some(isFailed))
      this.#round = Math.max(this.#round, batch.round + 1);
    this.#waitingOps -= batch.ops.length;
    let start = 0;
    for (const { count, resolve, reject } of batch.waiting) {
      if ("results" in answer) resolve(answer.results.slice(start, start + count));
      else reject(new StoreError(answer.code, answer.message));
      start += count;
    }
    if (!this.#isOpen) this.#finish();
  }

  /** The other process is gone, and with it all answers. */
  fail(): void {
    this.#isOpen = false;
    this.#send();
    for (const id of this.#underWay.keys()) this.settle({ id, ...GONE });
    this.#finish();
  }

  close(): Promise<void> {
    this.#isOpen = false;
    this.#send();
    this.#finish();
    return this.#drained.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(ops: readonly WriteOp[], waiting: Waiting): void {
    if (this.#next && this.#next.ops.length + ops.length > MAX_BATCH_OPS) this.#send();
    // After the turn, so that what other connections ask for in it goes along.
    if (!this.#next) setImmediate(() => this.#send());
    this.#next ??= { round: this.#round, ops: [], waiting: [], at: 0 };
    this.#next.ops.push(...ops);
    this.#next.waiting.push(waiting);
    this.#waitingOps += ops.length;
  }

  #send(): void {
    const batch = this.#next;
    this.#next = undefined;
    if (batch) this.#transmit(batch);
  }

  #transmit(batch: Batch): void {
    this.#lastId += 1;
    const id = this.#lastId;
    batch.at = this.#clock.now();
    this.#underWay.set(id, batch);
    this.#timer ??= this.#clock.after(ANSWER_MS, () => this.#refuseLate());
    const { round, ops } = batch;
    const isSent = this.#channel.send(TOPIC, { id, round, ops } satisfies Request);
    if (!isSent) this.settle({ id, ...GONE });
  }

  /** Lets nobody wait for longer than an answer may take. */
  #refuseLate(): void {
    this.#timer = undefined;
    const before = this.#clock.now() - ANSWER_MS;
    for (const [id, batch] of this.#underWay) {
      if (batch.waiting.length === 0) continue;
      if (batch.at > before) {
        this.#timer = this.#clock.after(batch.at - before, () => this.#refuseLate());
        return;
      }
      for (const { reject } of batch.waiting)
        reject(unavailable(`no answer within ${ANSWER_MS} ms from the process that writes`));
      batch.waiting = [];
      // A flush counts for nothing that is to be bounded.
      if (batch.ops.length === 0) this.#underWay.delete(id);
    }
  }

  #finish(): void {
    if (this.#underWay.size > 0) return;
    this.#timer?.cancel();
    this.#drained.resolve();
  }
}

const GONE = {
  code: "unavailable",
  message: "Cannot write to the store: the process that writes is gone",
} as const;

function isFailed({ type }: WriteResult): boolean {
  return type === "failed";
}

function isRequest(body: unknown): body is Request {
  if (typeof body !== "object" || body === null) return false;
  return (
    "id" in body &&
    typeof body.id === "number" &&
    "round" in body &&
    typeof body.round === "number" &&
    "ops" in body &&
    Array.isArray(body.ops)
  );
}

function unavailable(reason: string): StoreError {
  return new StoreError("unavailable", `Cannot write to the store: ${reason}`);
}
