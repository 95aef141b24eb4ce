import type { Clock } from "../../async/mod.ts";
import { type Peek, peekClientHello, peekHttpHead, peekJsonField } from "../../wire/mod.ts";
import type { KeySource } from "../contract.ts";
import type { Arrival } from "./arrival.ts";
import { PREREAD_MS, readFirst } from "./first_bytes.ts";
import type { Refusal } from "./refusal.ts";

/** Options for {@linkcode readKey}. */
export interface PrereadOptions {
  readonly source: KeySource;
  /** @default {3000} */
  readonly prereadMs?: number | undefined;
  readonly clock: Clock;
}

/**
 * Finds the key of a client in its first bytes, which stay in the arrival's `head`.
 *
 * A client whose bytes do not tell within 16 KiB and `prereadMs` has no key and is served all the same; so is one that waits for
 * the server to speak first, after `prereadMs`. One that has ended is judged by what it has sent.
 *
 * @returns Why the client cannot be served: it has gone.
 */
export async function readKey(arrival: Arrival, options: PrereadOptions): Promise<Refusal | undefined> {
  const { source, prereadMs = PREREAD_MS, clock } = options;
  const { connection, head, route } = arrival;
  // Where TLS ended here or before us, there is no ClientHello to come.
  if (source.from === "sni" && (arrival.transport === "tls" || route.serverName !== undefined)) {
    arrival.key = route.serverName;
    return undefined;
  }
  const look = (bytes: Uint8Array): Peek<string> => lookForKey(bytes, source);
  const { bytes, found } = await readFirst(connection, { head, look, timeoutMs: prereadMs, clock });
  connection.handle(arrival);
  arrival.head = bytes;
  if (found.state === "gone") return arrival.farewell();
  if (found.state !== "found") return undefined;
  arrival.key = found.value;
  if (source.from === "sni") arrival.route = { ...route, serverName: found.value };
  return undefined;
}

/** The key in a client's first bytes. */
export function lookForKey(bytes: Uint8Array, source: KeySource): Peek<string> {
  switch (source.from) {
    case "sni":
      return within(peekClientHello(bytes), ({ serverName }) => serverName);
    case "http-path":
      return within(peekHttpHead(bytes), (head) => (head.version === "2" ? undefined : head.path));
    case "http-header": {
      const wanted = source.name.toLowerCase();
      return within(peekHttpHead(bytes), (head) =>
        head.version === "2" ? undefined : head.headers.find(([name]) => name === wanted)?.[1],
      );
    }
    case "json":
      return peekJsonField(bytes, source.field);
  }
}

/** What a part of what was found says; an empty one says nothing. */
function within<T>(peek: Peek<T>, part: (value: T) => string | undefined): Peek<string> {
  if (peek.state !== "found") return peek;
  const value = part(peek.value);
  return value ? { ...peek, value } : { state: "none", reason: "the key is absent" };
}
