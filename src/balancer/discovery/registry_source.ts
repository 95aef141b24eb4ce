import type { Clock, Timer } from "../../async/mod.ts";
import { parseAddress } from "../../net/mod.ts";
import type { Announcement, Registry } from "../../registry/mod.ts";
import type { Backend, BackendChange } from "../backend.ts";
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
  announcement: Announcement;
  /** What we added. A later one of its name is somebody else's. */
  readonly backend: Backend;
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
  source.start();
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
  #timer: Timer | undefined;

  constructor(options: RegistrySourceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.after(RECHECK_MS, () => {
      this.#recheck();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  joined(announcement: Announcement): void {
    this.#try(announcement, () => this.#add(announcement));
  }

  changed(announcement: Announcement): void {
    const found = this.#found.get(announcement.id);
    this.#try(announcement, () => {
      if (found?.announcement.tcp === announcement.tcp) this.#change(found, announcement);
      else this.#add(announcement);
    });
  }

  left(id: string, reason: "goodbye" | "expired"): void {
    const found = this.#found.get(id);
    if (!found) return;
    if (reason === "goodbye") this.#forget(id, found);
    else found.isExpired = true;
  }

  #try({ id }: Announcement, use: () => void): void {
    try {
      use();
    } catch (error) {
      this.#options.onError(error, { during: `discover ${id}` });
    }
  }

  #add(announcement: Announcement): void {
    const { id, tcp: name, weight, draining } = announcement;
    const address = parseAddress(name);
    if (typeof address === "string") throw new RangeError(`Cannot add backend ${id}: ${address}`);
    this.#replace(id, name);
    const admin = draining ? "draining" : "enabled";
    const backend = this.#options.pool.add({ name, address, weight, source: "registry", admin });
    this.#found.set(id, { announcement, backend, isExpired: false });
  }

  #change(found: Found, announcement: Announcement): void {
    found.isExpired = false;
    const before = found.announcement;
    // Only what has changed, so that what an operator has set since stays.
    const change: BackendChange = {
      ...(before.weight !== announcement.weight && { weight: announcement.weight }),
      ...(before.draining !== announcement.draining && {
        admin: announcement.draining ? "draining" : "enabled",
      }),
    };
    if (this.#isOurs(found)) this.#options.pool.change(found.backend.name, change);
    found.announcement = announcement;
  }

  /** The server's own backend at another address, and a predecessor at this one whose lease has not expired yet. */
  #replace(id: string, name: string): void {
    for (const [known, found] of this.#found)
      if (known === id || found.backend.name === name) this.#forget(known, found);
  }

  #forget(id: string, found: Found): void {
    this.#found.delete(id);
    if (this.#isOurs(found)) this.#options.pool.remove(found.backend.name);
  }

  #isOurs({ backend }: Found): boolean {
    return this.#options.pool.find(backend.name) === backend;
  }

  #recheck(): void {
    for (const [id, found] of this.#found) {
      const isGone = found.backend.health.verdict === "down" || !this.#isOurs(found);
      if (found.isExpired && isGone) this.#forget(id, found);
    }
  }
}
