import { KeyCounts, Occupancy } from "../../async/mod.ts";
import { type ListenOptions, networkOf } from "../../net/mod.ts";
import { FrontendCounters } from "../counters.ts";
import { type AccessSettings, judgeAddress, type SharedLimit } from "./access.ts";
import type { FrontendHandler } from "./frontend.ts";
import { Refusal } from "./refusal.ts";

/** Counts the clients of a frontend, in all and by address, and tells of those that are refused. */
export class Reception {
  readonly counters: FrontendCounters = new FrontendCounters();
  readonly inside: Occupancy = new Occupancy();
  readonly #handler: FrontendHandler | undefined;
  readonly #perClient = new KeyCounts();
  /** Who may come, from the next client on. */
  access: AccessSettings;
  /** Clients that others have of the same frontend. */
  elsewhere = 0;
  /** No new clients are taken. */
  isDraining = false;

  constructor(access: AccessSettings, handler: FrontendHandler | undefined) {
    this.access = access;
    this.#handler = handler;
  }

  /** The addresses that have clients here. */
  get addresses(): number {
    return this.#perClient.size;
  }

  /** What a listener is to report to. */
  get listenOptions(): ListenOptions {
    return { onError: (error, context) => this.#handler?.error?.(error, context) };
  }

  /** A client has come from `host`. It counts until what is returned is disposed. */
  enter(host: string): Stay {
    this.counters.total += 1;
    this.inside.enter();
    return new Stay(this, host);
  }

  /** Counts a client on its address; false when that has as many as it may have. */
  claim(host: string): boolean {
    const network = networkOf(host);
    const { maxConnectionsPerClient: most = Number.POSITIVE_INFINITY } = this.access;
    if (this.#perClient.count(network) >= most) return false;
    this.#perClient.add(network);
    return true;
  }

  /** Uncounts a client from its address. */
  release(host: string): void {
    this.#perClient.remove(networkOf(host));
  }

  /** A client is not served. */
  refuse(host: string, { reason, detail }: Refusal): void {
    this.counters.refused[reason] += 1;
    this.#handler?.refused?.(host, reason, detail);
  }
}

/** The stay of one client at a frontend. Disposing it again does nothing. */
export class Stay implements Disposable {
  readonly #reception: Reception;
  /** The limit that it counts for, beside the frontend's own. */
  readonly #shared: SharedLimit | undefined;
  #host: string;
  #state: "come" | "claimed" | "left" = "come";

  constructor(reception: Reception, host: string) {
    this.#reception = reception;
    this.#host = host;
    this.#shared = reception.access.shared;
    if (this.#shared) this.#shared.count += 1;
  }

  /** The client's address without its port, as far as it is known. */
  get host(): string {
    return this.#host;
  }

  /** Whether the client is still there; undefined if so. One that reset before it was accepted has no address that could be asked for. */
  judgePresence(): Refusal | undefined {
    return this.#host === "" ? new Refusal("client_left") : undefined;
  }

  /** Whether there is room for the client; undefined if there is. */
  judgeRoom(): Refusal | undefined {
    const { isDraining, inside, elsewhere, access } = this.#reception;
    if (isDraining) return new Refusal("draining");
    const { maxConnections = Number.POSITIVE_INFINITY } = access;
    const shared = this.#shared;
    if (shared && shared.count + shared.elsewhere > shared.most)
      return new Refusal("frontend_full", `all frontends have ${shared.most} clients, which is the most`);
    if (inside.count + elsewhere <= maxConnections) return undefined;
    return new Refusal("frontend_full", `the frontend has ${maxConnections} clients, which is the most`);
  }

  /** Whether a client of this address may stay, which is then counted on it: once in a stay. Undefined if it may. */
  admit(host: string): Refusal | undefined {
    this.#host = host;
    const denied = judgeAddress(host, this.#reception.access);
    if (denied) return denied;
    if (this.#reception.claim(host)) {
      this.#state = "claimed";
      return undefined;
    }
    const { maxConnectionsPerClient: most } = this.#reception.access;
    return new Refusal("client_full", `${networkOf(host)} has ${most} connections, which is the most`);
  }

  /** The client is not served; it is still to leave. */
  refuse(refusal: Refusal): void {
    this.#reception.refuse(this.#host, refusal);
  }

  [Symbol.dispose](): void {
    if (this.#state === "left") return;
    if (this.#state === "claimed") this.#reception.release(this.#host);
    this.#state = "left";
    if (this.#shared) this.#shared.count -= 1;
    this.#reception.inside.leave();
  }
}
