import { type DnsAddress, type DnsOptions, lookUpAddresses, NetError } from "../../net/mod.ts";

/** How often in a row a name must be without addresses of one kind, while it has some of the other, to be believed. */
const BELIEVED_AFTER = 3;

/** What one look-up of a name brought. */
export interface NameReading {
  /** The addresses now: those of a kind that could not be looked up are the last ones. */
  readonly hosts: readonly string[];
  /** For how long they may be kept, in milliseconds; undefined when nothing was found. */
  readonly ttlMs: number | undefined;
  /** Why a kind could not be looked up. */
  readonly errors: readonly unknown[];
}

type Result =
  | { readonly kind: "found"; readonly addresses: readonly DnsAddress[] }
  | { readonly kind: "absent" | "failed"; readonly error: unknown };

/** The addresses of one kind, as they were found last. */
class Kept {
  hosts: readonly string[] = [];
  #absent = 0;

  /** @param isOtherThere Whether the name has addresses of the other kind. */
  keep(result: Result, isOtherThere: boolean): void {
    if (result.kind === "failed" || (result.kind === "absent" && !isOtherThere)) return;
    if (result.kind === "found") {
      this.hosts = result.addresses.map(({ host }) => host);
      this.#absent = 0;
      return;
    }
    this.#absent += 1;
    if (this.#absent >= BELIEVED_AFTER) this.hosts = [];
  }
}

/**
 * The addresses of one name, IPv4 and IPv6, as they were found last.
 *
 * A kind whose look-up fails keeps its last addresses. One that is absent while the other is there keeps them, too, until it was so
 * three times in a row: Deno does not tell "none of this kind" from "the name server failed".
 */
export class DnsName {
  readonly #name: string;
  readonly #v4 = new Kept();
  readonly #v6 = new Kept();

  constructor(name: string) {
    this.#name = name;
  }

  /** Looks the name up. @throws The signal's reason alone. */
  async read(options: DnsOptions): Promise<NameReading> {
    const [v4, v6] = await Promise.all([
      lookUpKind(this.#name, 4, options),
      lookUpKind(this.#name, 6, options),
    ]);
    options.signal?.throwIfAborted();
    this.#v4.keep(v4, v6.kind === "found");
    this.#v6.keep(v6, v4.kind === "found");
    const found = [v4, v6].flatMap((result) => (result.kind === "found" ? result.addresses : []));
    const isThere = found.length > 0;
    return {
      hosts: [...this.#v4.hosts, ...this.#v6.hosts],
      ttlMs: isThere ? Math.min(...found.map(({ ttlMs }) => ttlMs)) : undefined,
      // That one kind is absent is nothing to tell where the other is there.
      errors: [v4, v6].flatMap((result) =>
        result.kind === "failed" || (result.kind === "absent" && !isThere) ? [result.error] : [],
      ),
    };
  }
}

async function lookUpKind(name: string, family: 4 | 6, options: DnsOptions): Promise<Result> {
  try {
    const addresses = await lookUpAddresses(name, family, options);
    if (addresses.length > 0) return { kind: "found", addresses };
    const message = `Cannot look up ${name}, IPv${family}: the answer is empty`;
    return { kind: "absent", error: new NetError("not_found", message) };
  } catch (error) {
    const isAbsent = error instanceof NetError && error.code === "not_found";
    return { kind: isAbsent ? "absent" : "failed", error };
  }
}
