import { backoff, type Clock, systemClock, wait } from "../../async/mod.ts";
import {
  type DnsOptions,
  type DnsService,
  isDnsName,
  lookUpServices,
  NetError,
  type TcpAddress,
} from "../../net/mod.ts";
import type { BackendSpec } from "../pool/backend.ts";
import { DnsName } from "./dns_name.ts";
import type { DiscoveryReport } from "./error.ts";
import { firstReading } from "./first_reading.ts";
import type { Membership } from "./membership.ts";

/** What is looked up. */
export interface DnsQuery {
  readonly name: string;
  /** `a`: the addresses of a name, IPv4 and IPv6; `srv`: the servers of a service. */
  readonly type: "a" | "srv";
  /** Where the addresses listen, 1 to 65535; only for `a`. */
  readonly port?: number | undefined;
  /** Name servers, by IP address. @default {those of the system} */
  readonly servers?: readonly TcpAddress[] | undefined;
}

/** Options for {@linkcode watchDnsSource}. */
export interface DnsSourceOptions {
  readonly query: DnsQuery;
  readonly membership: Membership;
  /** Told why a look-up failed, once for each reason in a row; the last answer stays. Must not throw. @default {ignored} */
  readonly onError?: DiscoveryReport | undefined;
  /** The source's name. @default {dns:NAME} */
  readonly source?: string | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** The longest that one name server may take, in milliseconds. @default {2000} */
  readonly timeoutMs?: number | undefined;
}

/** How long an answer counts, in milliseconds, whatever its time to live says. */
const MIN_MS = 1000;
const MAX_MS = 30_000;
/** How often a service is looked up, in milliseconds: no runtime tells its time to live. */
const SERVICE_MS = 10_000;
/** More servers of one service are not used: those of the lowest priorities are. */
const MAX_SERVICES = 1000;
/** So many names are looked up at once. */
const AT_ONCE = 16;

/**
 * Keeps in a pool what the DNS says. Resolves after the first look-up, or after 5 s without an answer; disposing ends what is under way
 * and leaves the pool as it is.
 *
 * - A look-up that fails or finds nothing keeps the last answer, and is tried again after 1 s, 2 s … 30 s (a service: 10 s).
 * - `a`: every address is a backend. Looked up again by the shortest time to live, after 1 s at least and 30 s at most.
 * - `srv`: looked up again every 10 s, with the addresses of its targets: the IPv4 ones, or the IPv6 ones where there are no others.
 *   Servers of the lowest priority are regular, those of higher ones backups. The weight is the record's, with 1 for 0, and is shared
 *   evenly by the addresses of one target. At most 1,000 servers are used.
 *
 * @throws {RangeError} When the query is none: `name` an IP address or no name, `a` without a port.
 */
export async function watchDnsSource(options: DnsSourceOptions): Promise<AsyncDisposable> {
  checkQuery(options.query);
  const source = new DnsSource(options);
  await firstReading(source.start(), options.clock ?? systemClock);
  return source;
}

function checkQuery({ name, type, port }: DnsQuery): void {
  if (!isDnsName(name))
    throw new RangeError(`Cannot watch DNS: name must be a name of the DNS, received "${name}"`);
  const isPort = port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (type === "a" && !isPort)
    throw new RangeError(`Cannot watch DNS: port of ${name} must be 1 to 65535, received ${port}`);
}

/** One look-up: the backends it brought, undefined where it failed; and when to look again, in milliseconds. */
interface Reading {
  readonly specs: readonly BackendSpec[] | undefined;
  readonly nextMs: number | undefined;
  readonly errors: readonly unknown[];
}

class DnsSource implements AsyncDisposable {
  readonly #options: DnsSourceOptions;
  readonly #clock: Clock;
  readonly #lookUp: DnsOptions;
  readonly #ending = new AbortController();
  /** The names whose addresses are kept: the query's own, or the targets of its servers. */
  readonly #names = new Map<string, DnsName>();
  /** What was wrong the last time. */
  #wrong = new Set<string>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: DnsSourceOptions) {
    const { query, timeoutMs, clock } = options;
    this.#options = options;
    this.#clock = clock ?? systemClock;
    this.#lookUp = { servers: query.servers, timeoutMs, signal: this.#ending.signal };
  }

  /** Begins to look up. Resolves after the first look-up. */
  start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#run(first.resolve);
    return first.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(onReading: () => void): Promise<void> {
    const { signal } = this.#ending;
    const maxMs = this.#options.query.type === "a" ? MAX_MS : SERVICE_MS;
    let failing = backoff({ firstMs: MIN_MS, maxMs });
    try {
      for (;;) {
        const { specs, nextMs, errors } = await this.#read();
        this.#report(errors);
        if (specs && specs.length > 0) this.#options.membership.update(this.#source, specs);
        onReading();
        if (nextMs !== undefined) failing = backoff({ firstMs: MIN_MS, maxMs });
        await wait(nextMs ?? failing.next().value, { signal, clock: this.#clock });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      onReading();
    }
  }

  get #source(): string {
    return this.#options.source ?? `dns:${this.#options.query.name}`;
  }

  #read(): Promise<Reading> {
    const { query } = this.#options;
    return query.type === "a"
      ? this.#readAddresses(query.name, query.port ?? 0)
      : this.#readServices(query.name);
  }

  async #readAddresses(name: string, port: number): Promise<Reading> {
    const { hosts, ttlMs, errors } = await this.#nameOf(name).read(this.#lookUp);
    const nextMs = ttlMs === undefined ? undefined : Math.min(MAX_MS, Math.max(MIN_MS, ttlMs));
    return { specs: hosts.map((host) => ({ address: { host, port } })), nextMs, errors };
  }

  async #readServices(name: string): Promise<Reading> {
    const found = await this.#lookUpServices(name);
    if ("error" in found) return { specs: undefined, nextMs: undefined, errors: [found.error] };
    const services = found.toSorted((one, other) => one.priority - other.priority).slice(0, MAX_SERVICES);
    const targets = [...new Set(services.map(({ host }) => host))];
    const hostsOf = new Map<string, readonly string[]>();
    const errors: unknown[] = [];
    for (let start = 0; start < targets.length; start += AT_ONCE) {
      const batch = targets.slice(start, start + AT_ONCE);
      const readings = await Promise.all(batch.map((target) => this.#nameOf(target).read(this.#lookUp)));
      for (const [index, reading] of readings.entries()) {
        hostsOf.set(batch[index] ?? "", reading.hosts);
        errors.push(...reading.errors);
      }
    }
    this.#forgetBut(hostsOf);
    const specs = toSpecs(services, hostsOf);
    return { specs, nextMs: specs.length > 0 ? SERVICE_MS : undefined, errors };
  }

  /** @returns The servers, with a target each, or why there are none. */
  async #lookUpServices(name: string): Promise<readonly DnsService[] | { readonly error: unknown }> {
    try {
      const services = await lookUpServices(name, this.#lookUp);
      // "." is how a service says that there is none (RFC 2782).
      const found = services.filter(({ host }) => isDnsName(host));
      if (found.length > 0) return found;
      return { error: new NetError("not_found", `Cannot look up ${name}, SRV: the answer is empty`) };
    } catch (error) {
      this.#ending.signal.throwIfAborted();
      return { error };
    }
  }

  #nameOf(name: string): DnsName {
    const known = this.#names.get(name) ?? new DnsName(name);
    this.#names.set(name, known);
    return known;
  }

  #forgetBut(used: ReadonlyMap<string, unknown>): void {
    for (const name of this.#names.keys()) if (!used.has(name)) this.#names.delete(name);
  }

  #report(errors: readonly unknown[]): void {
    const wrong = new Set<string>();
    for (const error of errors) {
      const message = error instanceof Error ? error.message : String(error);
      if (!this.#wrong.has(message))
        this.#options.onError?.(error, { during: `look up ${this.#options.query.name}` });
      wrong.add(message);
    }
    this.#wrong = wrong;
  }
}

function toSpecs(
  services: readonly DnsService[],
  hostsOf: ReadonlyMap<string, readonly string[]>,
): BackendSpec[] {
  const lowest = Math.min(...services.map(({ priority }) => priority));
  return services.flatMap(({ host: target, port, priority, weight }) => {
    const all = hostsOf.get(target) ?? [];
    const v4 = all.filter((host) => !host.includes(":"));
    const hosts = v4.length > 0 ? v4 : all;
    return hosts.map((host) => ({
      address: { host, port },
      weight: Math.max(1, weight) / hosts.length,
      backup: priority > lowest,
    }));
  });
}
