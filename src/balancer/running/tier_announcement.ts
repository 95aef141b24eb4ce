import type { TcpAddress } from "../../net/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import { isSame } from "../configuration/difference.ts";
import { announceTier } from "../discovery/tier.ts";
import type { BalancerContext } from "./context.ts";
import type { FrontendSet } from "./frontend_set.ts";
import type { ManagedPool } from "./managed_pool.ts";
import type { Settings } from "./plans.ts";

interface Said {
  readonly what: unknown;
  readonly registry: Registry;
  readonly announced: AsyncDisposable;
}

/** How this balancer announces itself to those before it, where its configuration wants that. */
export class TierAnnouncement implements AsyncDisposable {
  readonly #context: BalancerContext;
  #said: Said | undefined;

  constructor(context: BalancerContext) {
    this.#context = context;
  }

  /**
   * Announces what holds now, unless that was done already.
   *
   * @throws {DiscoveryError} `loop`, with the way on which clients would come back.
   */
  async update(
    { configuration, registry }: Settings,
    pools: ReadonlyMap<string, ManagedPool>,
    frontends: FrontendSet,
  ): Promise<void> {
    const { advertise } = configuration;
    const serves = Array.from(configuration.pools.values(), (pool) => pool.registry).filter(
      (name) => name !== undefined,
    );
    const first = frontends.all.values().next().value;
    const proxy = first?.configuration.proxyProtocol ? (2 as const) : undefined;
    const address = advertise && withPort(advertise.address, first?.frontend.address);
    const what = advertise && { pool: advertise.pool, address, proxy, serves, pools: [...pools.keys()] };
    if (isSame(what, this.#said?.what) && registry === this.#said?.registry) return;
    if (!what || !registry || !address) {
      await this[Symbol.asyncDispose]();
      return;
    }
    const before = this.#said;
    this.#said = undefined;
    const { nodeId, clock, report: onError } = this.#context;
    try {
      const announced = await announceTier({
        registry,
        nodeId,
        announced: { pool: what.pool, address, proxy },
        pools: Array.from(pools.values(), ({ pool }) => pool),
        serves,
        onError,
        clock,
      });
      this.#said = { what, registry, announced };
    } finally {
      // Only now: those before us are never without us.
      await before?.announced[Symbol.asyncDispose]();
    }
  }

  /** Says goodbye. */
  async [Symbol.asyncDispose](): Promise<void> {
    const said = this.#said;
    this.#said = undefined;
    await said?.announced[Symbol.asyncDispose]();
  }
}

/** Port 0 is the one that the first frontend listens on. */
function withPort(address: TcpAddress, listening: object | undefined): TcpAddress {
  if (address.port !== 0 || !listening || !("port" in listening)) return address;
  return { ...address, port: Number(listening.port) };
}
