/**
 * A registry that says what a test wants, and a pool that follows one.
 *
 * @module
 */
import { ManualClock } from "../../../src/async/mod.ts";
import { Membership } from "../../../src/balancer/discovery/membership.ts";
import {
  type RegistrySourceOptions,
  watchRegistry,
} from "../../../src/balancer/discovery/registry_source.ts";
import { createPool, type Pool } from "../../../src/balancer/pool/pool.ts";
import {
  type Announcement,
  type Registry,
  RegistryError,
  type RegistryHandler,
} from "../../../src/registry/mod.ts";
import { server } from "../../registry/log.ts";

/** The name of the one server. */
export const NAME = "127.0.0.1:7001";

/** A registry that says what the test wants, such as what no other would let through. */
export class TestRegistry implements Registry {
  readonly #handlers = new Set<RegistryHandler>();

  get watchers(): number {
    return this.#handlers.size;
  }

  tell(call: (handler: RegistryHandler) => void): void {
    for (const handler of this.#handlers) call(handler);
  }

  announce(): never {
    throw new RegistryError("Cannot announce: this one only watches");
  }

  async watch(handler: RegistryHandler): Promise<AsyncDisposable> {
    this.#handlers.add(handler);
    return { [Symbol.asyncDispose]: async () => void this.#handlers.delete(handler) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#handlers.clear();
  }
}

/** A pool that follows a registry. */
export interface RegistryWorld<R extends Registry> extends AsyncDisposable {
  readonly registry: R;
  readonly clock: ManualClock;
  readonly pool: Pool;
  readonly membership: Membership;
  /** What was reported, with the place. */
  readonly errors: string[];
}

/** A pool that follows a registry, on a clock that is moved by hand. */
export async function follow<R extends Registry>(
  registry: R,
  options: Partial<RegistrySourceOptions> = {},
): Promise<RegistryWorld<R>> {
  const clock = new ManualClock();
  const pool = createPool({ name: "chat", policy: "round-robin", clock });
  const errors: string[] = [];
  const onError = (error: unknown, { during }: { during: string }): void => {
    errors.push(`${during}: ${error instanceof Error ? error.message : error}`);
  };
  const membership = new Membership(pool, { clock, onError });
  const watch = await watchRegistry({ registry, membership, clock, onError, ...options });
  return {
    registry,
    clock,
    pool,
    membership,
    errors,
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]();
      membership[Symbol.dispose]();
    },
  };
}

/** A pool that follows a registry in which one server has announced itself. */
export async function joined(change: Partial<Announcement> = {}): Promise<RegistryWorld<TestRegistry>> {
  const world = await follow(new TestRegistry());
  world.registry.tell((handler) => handler.joined(server("a", change)));
  return world;
}

/** The names of a pool's backends, in the order added. */
export function namesOf(pool: Pool): string[] {
  return Array.from(pool.backends(), ({ name }) => name);
}
