import type { Address } from "../../net/mod.ts";
import { isSame } from "../configuration/difference.ts";
import type { TableEntries } from "../connection/contract.ts";
import type { Frontend } from "../frontend/frontend.ts";
import { type BalancerContext, tellerOf } from "./context.ts";
import { type FrontendPlan, ManagedFrontend } from "./managed_frontend.ts";

/** The hosts that stand for every address of the machine. */
const WILDCARDS = ["0.0.0.0", "::"];

/** The frontends of a balancer, by name. They come, change and go while clients are served. */
export class FrontendSet {
  readonly #context: BalancerContext;
  readonly #frontends = new Map<string, ManagedFrontend>();
  readonly #adopted: Frontend[] = [];
  /** Those that listen no more, while they have clients. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(context: BalancerContext) {
    this.#context = context;
  }

  get all(): ReadonlyMap<string, ManagedFrontend> {
    return this.#frontends;
  }

  get names(): string[] {
    return [...this.#frontends.keys()];
  }

  /** Adds one that no configuration knows, such as one that hands connections over. */
  adopt(frontend: Frontend): void {
    this.#adopted.push(frontend);
  }

  /** All, those that were adopted included. */
  list(): Frontend[] {
    return [...Array.from(this.#frontends.values(), ({ frontend }) => frontend), ...this.#adopted];
  }

  /**
   * Begins with a change: starts those whose addresses are free to be taken.
   *
   * @returns What {@linkcode finish} is to be given.
   * @throws {NetError} when one cannot listen; none of them does then.
   */
  async begin(plans: readonly FrontendPlan[]): Promise<ReadonlyMap<string, ManagedFrontend>> {
    const started = new Map<string, ManagedFrontend>();
    try {
      for (const plan of plans.filter((one) => !this.#isHeld(one)))
        started.set(plan.configuration.name, await ManagedFrontend.start(plan, this.#context));
      return started;
    } catch (error) {
      for (const { frontend } of started.values()) await frontend.close();
      throw error;
    }
  }

  /**
   * Ends a change: those that no plan names accept no more, and the others become what their plans say.
   *
   * @returns The names of those that are another than before.
   */
  async finish(
    plans: readonly FrontendPlan[],
    started: ReadonlyMap<string, ManagedFrontend>,
  ): Promise<string[]> {
    const changed = plans
      .filter((plan) => this.#frontends.get(plan.configuration.name)?.differsFrom(plan))
      .map(({ configuration: { name } }) => name);
    const wanted = new Map(plans.map((plan) => [plan.configuration.name, plan]));
    for (const [name, known] of this.#frontends) {
      const plan = wanted.get(name);
      if (!plan || started.has(name) || !known.canBecome(plan)) await this.#retire(name, known);
    }
    for (const plan of plans) await this.#place(plan, started.get(plan.configuration.name));
    return changed;
  }

  /**
   * Stops one from accepting, and closes its clients by a deadline. It listens again when another configuration is applied.
   *
   * @returns What settles when no client is left; undefined when there is none of that name.
   */
  drain(name: string, deadlineMs: number): Promise<void> | undefined {
    const frontend = this.list().find((one) => one.name === name);
    if (!frontend) return undefined;
    this.#leave(frontend.drain());
    return this.#endClients(frontend, deadlineMs);
  }

  /** Stops all from accepting; their clients go on. */
  drainAll(): void {
    for (const frontend of this.list()) this.#leave(frontend.drain());
  }

  /** Ends all clients. */
  async close(): Promise<void> {
    await Promise.all(this.list().map((frontend) => frontend.close()));
  }

  /** Resolves when none is left of those that were taken out. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving);
  }

  /** Whether another one holds the address, which has to give it up first. */
  #isHeld({ configuration: { name, listen, transport } }: FrontendPlan): boolean {
    const isFree = "port" in listen && listen.port === 0;
    return this.#frontends.values().some(({ configuration: known, frontend }) => {
      if (known.transport !== transport) return false;
      if (isFree) return known.name === name && isSame(known.listen, listen);
      return overlap(frontend.address, listen);
    });
  }

  async #place(plan: FrontendPlan, started: ManagedFrontend | undefined): Promise<void> {
    const { name } = plan.configuration;
    const here = this.#frontends.get(name) ?? started ?? (await this.#start(plan));
    if (!here) return;
    // What its pool has become meanwhile is not known to one that was started before.
    here.configure(plan);
    this.#frontends.set(name, here);
  }

  /** Where the address was held until now: that it can be taken is not certain. */
  async #start(plan: FrontendPlan): Promise<ManagedFrontend | undefined> {
    try {
      return await ManagedFrontend.start(plan, this.#context);
    } catch (error) {
      this.#context.report(error, { during: `listen for frontend ${plan.configuration.name}` });
      return undefined;
    }
  }

  /** Takes one out: it accepts no more, and its clients finish. Resolves when its address is free. */
  async #retire(name: string, { frontend, protocol, drainMs }: ManagedFrontend): Promise<void> {
    this.#frontends.delete(name);
    if (protocol === "udp") {
      // Sessions of datagrams share the socket: they end with it.
      await frontend.close();
      return;
    }
    // An operator may have given it another deadline before.
    const ended = this.#context.drains.endOf(frontend) ?? this.#endClients(frontend, drainMs);
    this.#leave(ended.then(() => frontend.close()));
    await frontend.drain();
  }

  #endClients(frontend: Frontend, deadlineMs: number): Promise<void> {
    const select = (): TableEntries => frontend.served;
    const coming = (): number => frontend.connections - frontend.served.size;
    const target = { kind: "frontend", name: frontend.name } as const;
    const { drains, servers } = this.#context;
    // Servers do not know by which frontend their clients have come.
    const isLast = this.list().every(({ pool, isDraining }) => pool !== frontend.pool || isDraining);
    const tell = frontend.endClients ?? (isLast ? tellerOf(servers, frontend.pool.backends()) : undefined);
    return drains.start(target, { of: frontend, select, coming, tell }, deadlineMs);
  }

  #leave(leaving: Promise<void>): void {
    const settled = leaving.catch((error: unknown) => this.#context.report(error, { during: "close" }));
    this.#leaving.add(settled);
    void settled.then(() => this.#leaving.delete(settled));
  }
}

/** Whether only one of both addresses can be listened on at a time. */
function overlap(one: Address, other: Address): boolean {
  if (!("port" in one && "port" in other)) return isSame(one, other);
  const isEverywhere = [one.host, other.host].some((host) => WILDCARDS.includes(host));
  return one.port === other.port && (isEverywhere || one.host === other.host);
}
