import type {
  Outcome,
  ServerView,
  SessionFilter,
  SessionsEnd,
  SessionView,
  ValueFamily,
} from "../admin/mod.ts";
import { type Clock, DeadlineError, systemClock, withDeadline } from "../async/mod.ts";
import type { Channel } from "../server/mod.ts";
import type { SessionDesk, StoreState } from "./session_desk.ts";

/** What the parent asks of a child, on topic `desk`. */
type DeskAsk =
  | { readonly type: "sessions"; readonly filter: SessionFilter; readonly limit: number }
  | { readonly type: "close"; readonly id: string }
  | { readonly type: "close_user"; readonly user: string; readonly options: SessionsEnd }
  | { readonly type: "announce"; readonly text: string }
  | { readonly type: "metrics" }
  | { readonly type: "servers" };

/** What goes over topic `desk`: an ask, its answer, or what a child says by itself. */
type DeskFrame =
  | { readonly type: "ask"; readonly number: number; readonly ask: DeskAsk }
  | { readonly type: "answer"; readonly number: number; readonly value: unknown }
  | ({ readonly type: "store" } & StoreState);

const TOPIC = "desk";
/** The longest that a child may take to answer, in milliseconds: a server that hangs is left out. */
const ANSWER_MS = 1500;
/** How often a child looks whether there is something that its parent should know, in milliseconds. */
const LOOK_MS = 1000;
/** What is taken for so of a store until its server says otherwise. */
const ALL_WELL: StoreState = { isUp: true, setAside: 0 };

/** Of a change that was sent to a child, which may make it later. */
const UNANSWERED: Outcome = {
  ok: false,
  status: 503,
  error: "a server does not answer in time; it may still do it",
};

/** Options for {@linkcode serveDesk}. */
export interface ServeDeskOptions {
  readonly desk: SessionDesk;
  /** The parent is told when it is not as it was. */
  readonly store: StoreState;
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/** Answers for a child process what its parent asks. Disposing it stops its timer; its channel is not ours. */
export function serveDesk(channel: Channel, options: ServeDeskOptions): Disposable {
  const { desk, store, onError, clock = systemClock } = options;
  let told = ALL_WELL;
  const look = (): void => {
    const { isUp, setAside } = store;
    if (isUp !== told.isUp || setAside !== told.setAside) {
      channel.send(TOPIC, { type: "store", isUp, setAside } satisfies DeskFrame);
    }
    told = { isUp, setAside };
    timer = clock.after(LOOK_MS, look);
  };
  let timer = clock.after(LOOK_MS, look);
  channel.on(TOPIC, (body) => {
    const frame = body as DeskFrame;
    if (frame.type !== "ask") return;
    const { number, ask } = frame;
    answer(desk, ask).then(
      (value) => channel.send(TOPIC, { type: "answer", number, value } satisfies DeskFrame),
      // Without an answer the parent leaves this server out.
      (error: unknown) => onError(error, { during: `answer ${ask.type}` }),
    );
  });
  return { [Symbol.dispose]: () => timer.cancel() };
}

async function answer(desk: SessionDesk, ask: DeskAsk): Promise<unknown> {
  switch (ask.type) {
    case "sessions":
      return await desk.sessions(ask.filter, ask.limit);
    case "close":
      return await desk.closeSession(ask.id);
    case "close_user":
      return await desk.closeUserSessions(ask.user, ask.options);
    case "announce":
      return await desk.announce(ask.text);
    case "metrics":
      return await desk.metrics();
    case "servers":
      return await desk.servers();
  }
}

/** One child as its parent asks it. */
class Child {
  readonly #channel: Channel;
  readonly #answerMs: number;
  readonly #asked = new Map<number, (value: unknown) => void>();
  #lastNumber = 0;
  /** What the child has told of its store. */
  store = ALL_WELL;

  constructor(channel: Channel, answerMs: number) {
    this.#channel = channel;
    this.#answerMs = answerMs;
    channel.on(TOPIC, (body) => this.#receive(body as DeskFrame));
    void channel.closed.then(() => {
      for (const resolve of this.#asked.values()) resolve(undefined);
    });
  }

  /** @returns Undefined when it does not answer in time. */
  async ask(ask: DeskAsk): Promise<unknown> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#asked.set(number, resolve);
    try {
      if (!this.#channel.send(TOPIC, { type: "ask", number, ask } satisfies DeskFrame)) return undefined;
      return await withDeadline(promise, this.#answerMs, `ask a server for ${ask.type}`);
    } catch (error) {
      if (error instanceof DeadlineError) return undefined;
      throw error;
    } finally {
      this.#asked.delete(number);
    }
  }

  #receive(frame: DeskFrame): void {
    switch (frame.type) {
      case "answer":
        this.#asked.get(frame.number)?.(frame.value);
        break;
      case "store":
        this.store = { isUp: frame.isUp, setAside: frame.setAside };
        break;
      case "ask":
        break;
    }
  }
}

/**
 * The desk of a parent process: asks its children, all of them where each has a part of the answer, and one where that reaches all
 * sessions of a cluster. A child that does not answer in time is left out of what is read; of a change nobody knows then whether it is
 * made, so that no other child is asked for it.
 */
export class UpDesk implements SessionDesk {
  readonly #children = new Set<Child>();
  readonly #answerMs: number;

  /** @param answerMs The longest that a child may take to answer, in milliseconds. */
  constructor(answerMs: number = ANSWER_MS) {
    this.#answerMs = answerMs;
  }

  /** Serves a new child's channel. */
  attach(channel: Channel): void {
    const child = new Child(channel, this.#answerMs);
    this.#children.add(child);
    void channel.closed.then(() => this.#children.delete(child));
  }

  /**
   * The store that the servers share. It is not up when one of them cannot ask it; of the deliveries that were set aside each tells of all.
   */
  get store(): StoreState {
    const told = Array.from(this.#children, ({ store }) => store);
    return {
      isUp: told.every(({ isUp }) => isUp),
      setAside: Math.max(0, ...told.map(({ setAside }) => setAside)),
    };
  }

  async sessions(filter: SessionFilter, limit: number): Promise<readonly SessionView[]> {
    const lists = await this.#askAll<readonly SessionView[]>({ type: "sessions", filter, limit });
    return lists.flat().slice(0, limit);
  }

  async closeSession(id: string): Promise<Outcome> {
    const outcomes = await this.#askEach<Outcome>({ type: "close", id });
    const closed = outcomes.find((outcome) => outcome?.ok);
    if (closed) return closed;
    return outcomes.includes(undefined) ? UNANSWERED : { ok: false, status: 404 };
  }

  closeUserSessions(user: string, options: SessionsEnd): Promise<Outcome> {
    return this.#askOne({ type: "close_user", user, options });
  }

  announce(text: string): Promise<Outcome> {
    return this.#askOne({ type: "announce", text });
  }

  async servers(): Promise<readonly ServerView[]> {
    const lists = await this.#askAll<readonly ServerView[]>({ type: "servers" });
    return lists.flat().sort((one, other) => one.name.localeCompare(other.name));
  }

  async metrics(): Promise<readonly ValueFamily[]> {
    const merged = new Map<string, ValueFamily>();
    for (const family of (await this.#askAll<readonly ValueFamily[]>({ type: "metrics" })).flat()) {
      const samples = [...(merged.get(family.name)?.samples ?? []), ...family.samples];
      merged.set(family.name, { ...family, samples });
    }
    return [...merged.values()];
  }

  /** The answers of those that answer. */
  async #askAll<T>(ask: DeskAsk): Promise<readonly T[]> {
    const answers = await this.#askEach<T>(ask);
    return answers.filter((value): value is T & {} => value !== undefined);
  }

  /** The answer of each; undefined of one that does not answer. The children are of our own program. */
  #askEach<T>(ask: DeskAsk): Promise<readonly (T | undefined)[]> {
    return Promise.all(Array.from(this.#children, async (child) => (await child.ask(ask)) as T | undefined));
  }

  /** Asks one child that has just shown that it answers. */
  async #askOne(ask: DeskAsk): Promise<Outcome> {
    const child = await this.#firstToAnswer();
    if (!child) return { ok: false, status: 503, error: "no server answers" };
    const value = await child.ask(ask);
    return value === undefined ? UNANSWERED : (value as Outcome);
  }

  async #firstToAnswer(): Promise<Child | undefined> {
    const { promise, resolve } = Promise.withResolvers<Child | undefined>();
    const asked = Array.from(this.#children, async (child) => {
      if ((await child.ask({ type: "servers" })) !== undefined) resolve(child);
    });
    void Promise.all(asked).then(() => resolve(undefined));
    return await promise;
  }
}
