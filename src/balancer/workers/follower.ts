import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import { systemDriver } from "../../net/mod.ts";
import { type Channel, toSent } from "../../server/mod.ts";
import type { BalancerConfiguration } from "../configuration/contract.ts";
import { parseConfiguration } from "../configuration/parse.ts";
import { viewConnection } from "../control/views.ts";
import type { FrontendHandler } from "../frontend/frontend.ts";
import {
  type SpliceFrontend,
  type SpliceFrontendOptions,
  startSpliceFrontend,
} from "../frontend/splice_frontend.ts";
import { Balancer } from "../running/balancer.ts";
import type { Report } from "../running/context.ts";
import {
  type Asked,
  type BackendNews,
  type Counts,
  type Plan,
  TELL_EVERY_MS,
  WORKER_TOPICS,
  type WorkerOrders,
  type WorkerUsage,
} from "./contract.ts";
import { AcceptingGate } from "./gate.ts";
import type { Answered } from "./link.ts";
import { Mirror } from "./mirror.ts";
import { Tally } from "./tally.ts";

/** Options for {@linkcode Follower}. */
export interface FollowerOptions {
  readonly handler: FrontendHandler;
  readonly onError: Report;
  /** It accepts no more clients, since files are scarce, or does so again. Must not throw. */
  readonly onGate: (isOpen: boolean) => void;
  /** What this process, or thread, uses. */
  readonly usage: () => WorkerUsage;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** Every so many reports one tells all. */
const FULL_EVERY = 13;

/** A worker of a balancer: it serves clients, and knows of backends what it is told. */
export class Follower {
  readonly #channel: Channel;
  readonly #orders: WorkerOrders;
  readonly #options: FollowerOptions;
  readonly #clock: Clock;
  readonly #balancer: Balancer;
  readonly #mirror: Mirror;
  readonly #tally: Tally;
  readonly #gate: AcceptingGate;
  #plan: Plan;
  #timer: Timer | undefined;
  #urgent: Timer | undefined;
  #reports = 0;

  private constructor(channel: Channel, orders: WorkerOrders, options: FollowerOptions) {
    const { clock = systemClock, handler, onError, onGate } = options;
    this.#channel = channel;
    this.#orders = orders;
    this.#options = options;
    this.#clock = clock;
    this.#plan = orders.plan;
    this.#gate = new AcceptingGate({
      shares: orders.areThreads ? orders.workers : 1,
      onChange: onGate,
      onError,
    });
    this.#mirror = new Mirror((backend, pool) => {
      const managed = this.#balancer.pools.get(pool.name);
      // The clients of a pool that has left are closed with it.
      if (managed?.pool === pool) managed.dismiss(backend);
    });
    this.#tally = new Tally(this.#mirror, () => this.#soon());
    this.#balancer = new Balancer({
      driver: systemDriver(),
      nodeId: orders.nodeId,
      handler,
      onError,
      clock,
      judge: this.#tally,
      onPool: (pool) => this.#mirror.adopt(this.#plan.pools.get(pool.name) ?? 0, pool),
      startStream: (started) => this.#startStream(started),
    });
  }

  /** Resolves when it serves. @throws As {@linkcode Balancer.apply}. */
  static async start(channel: Channel, orders: WorkerOrders, options: FollowerOptions): Promise<Follower> {
    const follower = new Follower(channel, orders, options);
    try {
      await follower.#begin();
      return follower;
    } catch (error) {
      await follower.#balancer.close();
      throw error;
    }
  }

  /** Stops accepting, lets clients leave for `graceMs`, closes those that are left, and tells of all. */
  async stop(graceMs: number): Promise<void> {
    await this.#balancer.close(graceMs);
    this.#timer?.cancel();
    this.#urgent?.cancel();
    await new Promise<void>((resolve) => {
      if (!this.#report(true, () => resolve())) resolve();
    });
  }

  async #begin(): Promise<void> {
    this.#mirror.take(this.#orders.news);
    await this.#follow(this.#orders.plan);
    this.#channel.on(WORKER_TOPICS.news, (body) => this.#mirror.take(body as BackendNews));
    this.#channel.on(WORKER_TOPICS.counts, (body) => this.#count(body as Counts));
    // Never rejects: what fails is answered.
    this.#channel.on(WORKER_TOPICS.ask, (body) => void this.#answer(body as Asked));
    this.#timer = this.#clock.after(TELL_EVERY_MS, () => this.#tick());
  }

  async #follow(plan: Plan): Promise<void> {
    this.#plan = plan;
    await this.#balancer.apply(followed(plan, this.#orders.workers));
  }

  async #startStream(options: SpliceFrontendOptions): Promise<SpliceFrontend> {
    const accepting = this.#gate.over.bind(this.#gate);
    const frontend = await startSpliceFrontend({ ...options, accepting });
    const id = this.#plan.frontends.get(options.name ?? "")?.id;
    if (id !== undefined) this.#tally.add(id, frontend);
    return frontend;
  }

  #count({ backends, frontends, clients }: Counts): void {
    for (const [id, elsewhere] of backends) this.#mirror.count(id, elsewhere);
    for (const [id, elsewhere] of frontends) {
      const frontend = this.#tally.frontend(id);
      if (frontend) frontend.elsewhere = elsewhere;
    }
    const shared = this.#balancer.settings?.shared;
    if (shared) shared.elsewhere = clients;
  }

  #tick(): void {
    this.#gate.check();
    this.#reports += 1;
    this.#report(this.#reports % FULL_EVERY === 0);
    this.#timer = this.#clock.after(TELL_EVERY_MS, () => this.#tick());
  }

  /** Who fails is to be known to all before the next clients come. */
  #soon(): void {
    this.#urgent ??= this.#clock.after(0, () => {
      this.#urgent = undefined;
      this.#report(false);
    });
  }

  /** @returns Whether there was something to tell, and somebody to hear it: only then `onSent` is called. */
  #report(isFull: boolean, onSent?: () => void): boolean {
    const report = this.#tally.take(isFull ? this.#balancer.table : undefined);
    if (!report && !isFull) return false;
    const usage = isFull ? this.#options.usage() : undefined;
    const told = { ...(report ?? { backends: [], frontends: [], queued: [] }), usage };
    return this.#channel.send(WORKER_TOPICS.report, told, undefined, onSent);
  }

  async #answer(asked: Asked): Promise<void> {
    const { serial } = asked;
    try {
      const answer = await this.#do(asked);
      this.#channel.send(WORKER_TOPICS.answer, { serial, answer } satisfies Answered);
    } catch (error) {
      this.#channel.send(WORKER_TOPICS.answer, { serial, failed: toSent(error) } satisfies Answered);
    }
  }

  async #do(asked: Asked): Promise<unknown> {
    const { table } = this.#balancer;
    switch (asked.name) {
      case "plan":
        return await this.#follow(asked.ask);
      case "report":
        return void this.#report(true);
      case "connections": {
        const now = table.clock.now();
        return table.list(asked.ask.filter, asked.ask.limit).map((entry) => viewConnection(entry, now));
      }
      case "end": {
        const entry = table.find(asked.ask);
        entry?.end("operator");
        return entry !== undefined;
      }
      case "drain_frontend":
        return await this.#tally.frontend(asked.ask.frontend)?.drain();
      case "end_frontend":
        return this.#endFrontend(asked.ask.frontend, asked.ask.withinMs);
      case "drain_backend":
      case "undrain_backend":
      case "dismiss_backend":
        return this.#changeBackend(asked);
    }
  }

  #endFrontend(id: number, withinMs: number): void {
    const frontend = this.#tally.frontend(id);
    const isHere = frontend && this.#balancer.frontends.list().includes(frontend);
    // Ends when its clients have; one that is no longer here ends its clients already.
    if (isHere) void this.#balancer.frontends.drain(frontend.name, withinMs);
  }

  #changeBackend(
    asked: Asked & { readonly name: "drain_backend" | "undrain_backend" | "dismiss_backend" },
  ): void {
    const backend = this.#mirror.find(asked.ask.backend);
    if (!backend) return;
    const { table, drains } = this.#balancer;
    const select = () => table.of(backend);
    const coming = (): number => backend.active - backend.elsewhere - table.of(backend).size;
    switch (asked.name) {
      case "drain_backend": {
        const target = { kind: "backend", name: backend.name } as const;
        // Ends by its deadline, or with us.
        void drains.start(target, { of: backend, select, coming }, asked.ask.withinMs);
        return;
      }
      case "undrain_backend":
        drains.stop(backend);
        return;
      case "dismiss_backend": {
        const { overMs } = asked.ask;
        table.closeSpread(select, { reason: "backend_removed", deadlineMs: overMs, overMs, coming });
        return;
      }
    }
  }
}

/** What is left of a configuration for one of its workers: it finds no backends itself, and serves the planned frontends alone. */
export function followed({ text, file, frontends }: Plan, workers: number): BalancerConfiguration {
  const configuration = parseConfiguration(text, file);
  if ("length" in configuration) throw new TypeError("Cannot follow a configuration: it has mistakes");
  const served = Array.from(configuration.frontends.values()).flatMap((frontend) => {
    const planned = frontends.get(frontend.name);
    return planned ? [[frontend.name, { ...frontend, listen: planned.listen }] as const] : [];
  });
  const pools = Array.from(configuration.pools.values(), (pool) => {
    const { rebalancePerSecond: perSecond } = pool.connections;
    const rebalancePerSecond = perSecond === undefined ? undefined : perSecond / workers;
    const connections = { ...pool.connections, rebalancePerSecond };
    const sources = { backends: [], file: undefined, dns: undefined, registry: undefined };
    // Who starts slowly is told by ramps.
    return [pool.name, { ...pool, ...sources, slowStartMs: undefined, connections }] as const;
  });
  return {
    ...configuration,
    frontends: new Map(served),
    pools: new Map(pools),
    redis: undefined,
    advertise: undefined,
    state: undefined,
  };
}
