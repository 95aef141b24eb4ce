import type { Clock, Timer } from "../../async/mod.ts";
import { parseAddress } from "../../net/mod.ts";
import type { Announcement, Registry } from "../../registry/mod.ts";
import type { Pool } from "../pool.ts";

/** Options for {@linkcode watchRegistry}. */
export interface RegistrySourceOptions {
  readonly registry: Registry;
  readonly pool: Pool;
  readonly clock: Clock;
  /** Told what could not be used: an announcement without a usable address, a name that is taken. Must not throw. */
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** How often expired ones are looked at again, in milliseconds. */
const RECHECK_MS = 1000;

interface Found {
  readonly announcement: Announcement;
  /** The backend's name in the pool. */
  readonly name: string;
  isExpired: boolean;
}

/**
 * Keeps the backends of a pool as the servers of a registry announce themselves. Disposing leaves the pool as it is.
 *
 * A goodbye removes a backend. One whose lease has expired is removed only once its heartbeat says `down`, too: the registry may
 * be wrong about who lives, and a registry that was emptied empties no pool.
 */
export async function watchRegistry(options: RegistrySourceOptions): Promise<AsyncDisposable> {
  const source = new RegistrySource(options);
  const watch = await options.registry.watch(source);
  return {
    async [Symbol.asyncDispose]() {
      source.stop();
      await watch[Symbol.asyncDispose]();
    },
  };
}

class RegistrySource {
  readonly #options: RegistrySourceOptions;
  readonly #found = new Map<string, Found>();
  #timer: Timer;

  constructor(options: RegistrySourceOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
  }

  stop(): void {
    this.#timer.cancel();
  }

  joined(announcement: Announcement): void {
    const { pool, onError } = this.#options;
    const address = parseAddress(announcement.tcp);
    const during = `discover ${announcement.id}`;
    if (typeof address === "string") {
      onError(new RangeError(`Cannot add backend ${announcement.id}: ${address}`), { during });
      return;
    }
    try {
      this.#replace(announcement.tcp);
      const { weight, draining, tcp: name } = announcement;
      pool.add({ name, address, weight, source: "registry", admin: draining ? "draining" : "enabled" });
      this.#found.set(announcement.id, { announcement, name, isExpired: false });
    } catch (error) {
      onError(error, { during });
    }
  }

  changed(announcement: Announcement): void {
    const found = this.#found.get(announcement.id);
    if (!found) {
      this.joined(announcement);
      return;
    }
    const { weight, draining } = announcement;
    this.#found.set(announcement.id, { announcement, name: found.name, isExpired: false });
    const before = found.announcement;
    // Only what has changed, so that what an operator has set since stays.
    if (before.weight !== weight) this.#options.pool.change(found.name, { weight });
    if (before.draining !== draining)
      this.#options.pool.change(found.name, { admin: draining ? "draining" : "enabled" });
  }

  left(id: string, reason: "goodbye" | "expired"): void {
    const found = this.#found.get(id);
    if (!found) return;
    if (reason === "goodbye") this.#forget(id, found);
    else found.isExpired = true;
  }

  /** A successor at the same address, started before its predecessor's lease has expired. */
  #replace(name: string): void {
    for (const [id, found] of this.#found) if (found.name === name) this.#forget(id, found);
  }

  #forget(id: string, { name }: Found): void {
    this.#found.delete(id);
    this.#options.pool.remove(name);
  }

  #schedule(): Timer {
    return this.#options.clock.after(RECHECK_MS, () => {
      for (const [id, found] of this.#found) {
        const backend = found.isExpired ? this.#options.pool.find(found.name) : undefined;
        if (backend?.health.verdict === "down") this.#forget(id, found);
      }
      this.#timer = this.#schedule();
    });
  }
}
