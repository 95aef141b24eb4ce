import { promises as dns } from "node:dns";
import { isIP } from "node:net";
import { formatAddress } from "./address.ts";
import type { TcpAddress } from "./contract.ts";
import { NetError, type NetErrorCode, toNetError } from "./error.ts";

/** Options for {@linkcode lookUpAddresses} and {@linkcode lookUpServices}. */
export interface DnsOptions {
  /** Name servers, by IP address: the next one is asked when one fails. @default {those of the system} */
  readonly servers?: readonly TcpAddress[] | undefined;
  /** The longest that one name server may take, in milliseconds. @default {2000} */
  readonly timeoutMs?: number | undefined;
  /** Ends the look-up: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One address of a name. */
export interface DnsAddress {
  readonly host: string;
  /** For how long it may be kept, in milliseconds. */
  readonly ttlMs: number;
}

/** One server of a service (RFC 2782). No runtime tells for how long it may be kept. */
export interface DnsService {
  /** A name, which has to be looked up in turn. */
  readonly host: string;
  readonly port: number;
  /** Those of a lower one go before. */
  readonly priority: number;
  /** Its share among those of one priority. */
  readonly weight: number;
}

const TIMEOUT_MS = 2000;
/** More name servers are not asked for one name. */
const MAX_SERVERS = 8;

/**
 * Looks up the IPv4 or IPv6 addresses of a name. Asks name servers only: names of the machine's own files, such as `localhost`, are
 * none. Nothing is cached here.
 *
 * On Deno a name server that fails or refuses is reported as `not_found`, too; and the next one is not asked then.
 *
 * @throws {NetError} `not_found`: there is no such name, or it has no such address; `timeout`; `refused`: nobody answers at the name
 *   server's address, where the runtime tells; `unknown`: the name server failed or refused.
 */
export async function lookUpAddresses(
  name: string,
  family: 4 | 6,
  options: DnsOptions = {},
): Promise<DnsAddress[]> {
  const found = await lookUp(`look up ${name}, IPv${family}`, name, options, (resolver) =>
    family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }),
  );
  return found.map(({ address, ttl }) => ({ host: address, ttlMs: ttl * 1000 }));
}

/** Looks up the servers of a service, such as `_chat._tcp.example.com`. As {@linkcode lookUpAddresses} for the rest. */
export async function lookUpServices(name: string, options: DnsOptions = {}): Promise<DnsService[]> {
  const found = await lookUp(`look up ${name}, SRV`, name, options, (resolver) => resolver.resolveSrv(name));
  return found.map(({ name: host, port, priority, weight }) => ({ host, port, priority, weight }));
}

/** Whether it is a name that can be looked up: not an IP address, labels of 1 to 63 letters, digits, `-` and `_`. */
export function isDnsName(text: string): boolean {
  return isIP(text) === 0 && text.length <= 254 && /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/i.test(text);
}

type Ask<T> = (resolver: dns.Resolver) => Promise<T[]>;

async function lookUp<T>(action: string, name: string, options: DnsOptions, ask: Ask<T>): Promise<T[]> {
  if (!isDnsName(name)) throw new RangeError(`Cannot ${action}: it is not a name of the DNS`);
  let error: unknown;
  // One by one: not every runtime goes on to the next server by itself.
  for (const server of serversOf(options)) {
    try {
      return await askOne(server, options, ask);
    } catch (cause) {
      options.signal?.throwIfAborted();
      error = toDnsError(cause, action);
      if (error instanceof NetError && error.code === "not_found") throw error;
    }
  }
  throw error ?? new NetError("not_available", `Cannot ${action}: the system has no name server`);
}

function serversOf({ servers }: DnsOptions): string[] {
  const names = servers?.map(formatAddress) ?? new dns.Resolver().getServers();
  return [...new Set(names)].slice(0, MAX_SERVERS);
}

async function askOne<T>(server: string, options: DnsOptions, ask: Ask<T>): Promise<T[]> {
  const { timeoutMs = TIMEOUT_MS, signal } = options;
  signal?.throwIfAborted();
  // A new one for each question: Bun keeps the answers that one resolver has had.
  const resolver = new dns.Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([server]);
  const cancel = (): void => resolver.cancel();
  // Theirs is rounded up to seconds on Bun.
  const timer = setTimeout(cancel, timeoutMs);
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await ask(resolver);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

const CODES: Readonly<Record<string, NetErrorCode>> = {
  ENODATA: "not_found",
  ENOTFOUND: "not_found",
  ETIMEOUT: "timeout",
  // By our own timer: the signal's reason goes before.
  ECANCELLED: "timeout",
};

function toDnsError(cause: unknown, action: string): NetError {
  const native = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const code = CODES[native];
  return code ? new NetError(code, `Cannot ${action}: ${code}`, { cause }) : toNetError(cause, action);
}
