import type { End, TopicHandler, Worker } from "../../src/server/mod.ts";

/** A worker that is neither a process nor a thread, for tests of what is done about one. */
export interface FakeWorker extends Worker {
  /** How many messages it was sent. */
  readonly asked: number;
  /** Says something to its parent, or nothing, whenever it is sent a message. @default {says something} */
  answers: boolean;
  /** Says something to its parent. */
  say(): void;
  /** Ends it. */
  end(end: End): void;
}

/** Makes one that lives until it is killed, or ended. */
export function fakeWorker({ diesHanging = true }: { diesHanging?: boolean } = {}): FakeWorker {
  const { promise: exited, resolve: end } = Promise.withResolvers<End>();
  const channel = {
    received: 0,
    closed: exited.then(() => undefined),
    on: (_topic: string, _handler: TopicHandler) => undefined,
    send() {
      worker.asked += 1;
      if (worker.answers) worker.say();
      return true;
    },
  };
  const worker = {
    asked: 0,
    answers: true,
    say: () => void channel.received++,
    end,
    channel,
    exited,
    diesHanging,
    kill: (signal: "SIGKILL") => end({ signal }),
  };
  return worker;
}
