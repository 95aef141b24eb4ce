import { backoff, wait } from "../../async/mod.ts";
import type { Change } from "../picture.ts";
import { EventParser } from "./event_parser.ts";

/** Nothing for so long, and the connection counts as lost: an event comes each second. */
const SILENCE_MS = 15_000;

/** What whoever follows is told. */
export interface FollowHandler {
  /** Everything is told anew. */
  picture(change: Change): void;
  change(change: Change): void;
  /** Nothing comes, and it is tried again. @param words Why, in few words. */
  lost(words: string): void;
  /** The server asks for a token, or for another one; it is not tried again. */
  tokenNeeded(): void;
}

/** Follows the server until it asks for a token, or `signal` ends it. Never rejects. */
export async function follow(
  token: string | undefined,
  handler: FollowHandler,
  signal: AbortSignal,
): Promise<void> {
  let delays = backoff({ firstMs: 1000, maxMs: 15_000 });
  while (!signal.aborted) {
    const outcome = await followOnce(token, handler, signal);
    if (outcome === "token_needed") return handler.tokenNeeded();
    if (outcome.hasHeard) delays = backoff({ firstMs: 1000, maxMs: 15_000 });
    if (signal.aborted) return;
    handler.lost(outcome.words);
    // An end of the wait by the signal is the end of the loop.
    await wait(delays.next().value, { signal }).catch(() => undefined);
  }
}

/** Why it is over: the server wants a token, or something else, and whether an event had come before. */
type Outcome = "token_needed" | { readonly words: string; readonly hasHeard: boolean };

async function followOnce(
  token: string | undefined,
  handler: FollowHandler,
  signal: AbortSignal,
): Promise<Outcome> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasHeard = false;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new Error("the server is silent")), SILENCE_MS);
  };
  try {
    heard();
    const response = await fetch("/api/events", {
      headers: authorization(token),
      cache: "no-store",
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 401) return "token_needed";
    if (!response.ok || !response.body) return { words: await errorOf(response), hasHeard };
    for await (const { name, data } of eventsOf(response.body, heard)) {
      hasHeard = true;
      tell(handler, name, data);
    }
    return { words: "the server has ended", hasHeard };
  } catch (error) {
    return { words: error instanceof Error ? error.message : String(error), hasHeard };
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

async function* eventsOf(body: ReadableStream<Uint8Array>, heard: () => void) {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    heard();
    yield* parser.take(decoder.decode(next.value, { stream: true }));
  }
}

function tell(handler: FollowHandler, name: string, data: string): void {
  // The words of our own server.
  const change = JSON.parse(data) as Change;
  if (name === "picture") handler.picture(change);
  else handler.change(change);
}

/** What shows the token to the server, where there is one. */
export function authorization(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** What an answer that is no success says, in one sentence. */
export async function errorOf(response: Response): Promise<string> {
  const answer: unknown = await response.json().catch(() => undefined);
  const isTold = typeof answer === "object" && answer !== null && "error" in answer;
  return isTold ? String(answer.error) : `the server answers with status ${response.status}`;
}
