import { formatAddress } from "../../net/mod.ts";
import type { AdminState, Backend, BackendChange, BackendSpec } from "../pool/backend.ts";

/** One backend as a source names it. */
export interface MemberSpec extends BackendSpec {
  /**
   * Tells a server from its predecessor at the same address, such as an id that is new at each start. Another one gets a fresh
   * backend, without the health and the operator's changes of the old one.
   *
   * @default {the same server, as far as this source knows}
   */
  readonly incarnation?: string | undefined;
}

/**
 * Where a name stands.
 *
 * - `out`: not in the pool, because nobody names it, an operator has removed it, or the pool refused it for `problem`.
 * - `in`: in the pool as `spec` said.
 * - `draining`: no source names it any more; it leaves without connections, at `until` at the latest. `before` is what the operator
 *   wanted of it.
 */
export type Place =
  | { readonly name: "out"; readonly problem?: string }
  | { readonly name: "in"; readonly backend: Backend; readonly spec: MemberSpec }
  | {
      readonly name: "draining";
      readonly backend: Backend;
      readonly spec: MemberSpec;
      readonly before: AdminState;
      readonly until: number;
      readonly drain: Disposable | undefined;
    };

/** One name, whoever names it. Pure bookkeeping. */
export class Member {
  readonly name: string;
  place: Place = { name: "out" };
  /** What each source says of it, the one that has named it for the longest time first. */
  readonly #said = new Map<string, MemberSpec>();
  /** Sources that do not count until they have dropped it and named it again: an operator has removed it in spite of them. */
  readonly #muted = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Nobody names it. */
  get isUnnamed(): boolean {
    return this.#said.size === 0;
  }

  /** What the first source says that counts, with that source; undefined when the name is not to be in the pool. */
  get wanted(): MemberSpec | undefined {
    for (const [source, spec] of this.#said) if (!this.#muted.has(source)) return { ...spec, source };
    return undefined;
  }

  /** A source names it. One that names another server at the address counts again. */
  say(source: string, spec: MemberSpec): void {
    const before = this.#said.get(source);
    if (before && isOther(before, spec)) this.#muted.delete(source);
    this.#said.set(source, spec);
  }

  /** A source names it no longer. @returns Whether it had named it. */
  unsay(source: string): boolean {
    this.#muted.delete(source);
    return this.#said.delete(source);
  }

  /** An operator has removed it: none of those who name it now counts. */
  mute(): void {
    for (const source of this.#said.keys()) this.#muted.add(source);
  }
}

/** The name of the backend in its pool. */
export function nameOf({ name, address }: BackendSpec): string {
  return name ?? formatAddress(address);
}

/** Specs by their names, the first of each, at most `limit`. */
export function byName(specs: Iterable<MemberSpec>, limit: number): Map<string, MemberSpec> {
  const view = new Map<string, MemberSpec>();
  for (const spec of specs) {
    if (view.size === limit) break;
    const name = nameOf(spec);
    if (!view.has(name)) view.set(name, spec);
  }
  return view;
}

/** Whether both mean different servers. */
export function isOther(one: MemberSpec, other: MemberSpec): boolean {
  if (formatAddress(one.address) !== formatAddress(other.address)) return true;
  const { incarnation } = one;
  return incarnation !== undefined && other.incarnation !== undefined && incarnation !== other.incarnation;
}

/** What has changed from one to the other, so that what an operator has set of the rest stays. */
export function difference(before: MemberSpec, after: MemberSpec): BackendChange {
  const [one, other] = [complete(before), complete(after)];
  return {
    ...(one.weight !== other.weight && { weight: other.weight }),
    ...(one.backup !== other.backup && { backup: other.backup }),
    ...(one.maxConnections !== other.maxConnections && { maxConnections: other.maxConnections }),
    ...(one.admin !== other.admin && { admin: other.admin }),
    ...(one.proxy !== other.proxy && { proxy: other.proxy }),
    ...(one.source !== other.source && { source: other.source }),
  };
}

function complete(spec: MemberSpec) {
  const { weight = 1, backup = false, maxConnections = Number.POSITIVE_INFINITY } = spec;
  const { admin = "enabled", proxy = false, source = "config" } = spec;
  return { weight, backup, maxConnections, admin, proxy, source } as const;
}

/** The backend that a place is about. */
export function backendOf(place: Place): Backend | undefined {
  return place.name === "out" ? undefined : place.backend;
}

/** Ends what was begun when a backend began to drain. */
export function endDrain(place: Place): void {
  if (place.name === "draining") place.drain?.[Symbol.dispose]();
}
