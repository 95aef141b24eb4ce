import { type Clock, systemClock, type Timer } from "../async/mod.ts";
import type { Channel } from "./channel.ts";
import type { Worker } from "./worker.ts";

/** How a worker that hangs is found. */
export interface WatchOptions {
  /** How often it is asked whether it is alive, in milliseconds. @default {1000} */
  readonly intervalMs?: number;
  /** Questions in a row without an answer until it is taken to hang; `supervise` allows three times as many before it serves. @default {20} */
  readonly unanswered?: number;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/** The default of {@linkcode WatchOptions.unanswered}. */
export const UNANSWERED = 20;

/** A worker does not answer. */
export interface Hang {
  /** For how long it was asked in vain, in milliseconds; what the asking process has slept through does not count. */
  readonly silentMs: number;
  /** False where it cannot be ended, see {@linkcode Worker.diesHanging}: it goes on, and so does the asking. */
  readonly isKilled: boolean;
}

/** What is the matter with a worker, in few words after its name. */
export function wordsOfHang({ silentMs, isKilled }: Hang): string {
  const seconds = Math.round(silentMs / 100) / 10;
  const outcome = isKilled ? "it is killed" : "it goes on, since a thread cannot be killed here";
  return `has not answered for ${seconds} s: ${outcome}`;
}

/** Whether a worker is alive: asked by its parent, and answered out of its event loop. */
const TOPICS = { ask: "alive?", answer: "alive" } as const;

/** Has a worker answer its parent for as long as its event loop turns. */
export function answerWatch(channel: Channel): void {
  channel.on(TOPICS.ask, () => channel.send(TOPICS.answer, undefined));
}

/**
 * Asks a worker again and again whether it is alive, and kills it when it hangs.
 *
 * Questions are counted, not time: who slept as a whole with the machine is asked once more, and a question after which we were late by
 * more than an interval ourselves counts for nothing. Whatever comes from the worker is an answer, since the one that it gives may stand
 * behind much else.
 *
 * @param onHang Called once each time that it has stopped answering, before it is killed. Must not throw.
 * @returns Disposed of, it ends the asking.
 */
export function watch(
  { channel, kill, diesHanging }: Worker,
  onHang: (hang: Hang) => void,
  { intervalMs = 1000, unanswered = UNANSWERED, clock = systemClock }: WatchOptions = {},
): Disposable {
  let inVain = 0;
  let received = channel.received;
  let timer: Timer;
  channel.on(TOPICS.answer, () => undefined);

  function ask(): void {
    // Questions for one that goes on hanging would only pile up.
    if (inVain < unanswered) channel.send(TOPICS.ask, undefined);
    const dueAt = clock.now() + intervalMs;
    timer = clock.after(intervalMs, () => look(clock.now() - dueAt));
  }
  function look(lateMs: number): void {
    const isHeard = channel.received > received;
    received = channel.received;
    const before = inVain;
    if (isHeard) inVain = 0;
    else if (lateMs <= intervalMs) inVain += 1;
    const hangs = before < unanswered && inVain >= unanswered;
    // Before anybody is told, who may end the asking.
    if (!hangs || !diesHanging) ask();
    if (hangs) report();
  }
  function report(): void {
    onHang({ silentMs: unanswered * intervalMs, isKilled: diesHanging });
    if (diesHanging) kill("SIGKILL");
  }
  ask();
  return { [Symbol.dispose]: () => timer.cancel() };
}
