import type { TcpAddress, TlsServerContext } from "../../net/mod.ts";
import type { FrontendConfiguration } from "../configuration/contract.ts";
import { isSame } from "../configuration/difference.ts";
import type { AccessSettings, SharedLimit } from "../frontend/access.ts";
import type { Frontend } from "../frontend/frontend.ts";
import type { FrontendSettings } from "../frontend/settings.ts";
import { type SpliceFrontend, startSpliceFrontend } from "../frontend/splice_frontend.ts";
import { startUdpFrontend, type UdpFrontend, type UdpSettings } from "../frontend/udp_frontend.ts";
import type { BalancerContext } from "./context.ts";
import type { ManagedPool } from "./managed_pool.ts";

/** What a frontend is made of and can be changed to. */
export interface FrontendPlan {
  readonly configuration: FrontendConfiguration;
  /** What TLS is ended with, where it is. */
  readonly tls: TlsServerContext | undefined;
  readonly to: ManagedPool;
  /** The limit of all frontends together. */
  readonly shared: SharedLimit | undefined;
}

type Running =
  | { readonly transport: "tcp"; readonly frontend: SpliceFrontend }
  | { readonly transport: "udp"; readonly frontend: UdpFrontend };

/** A frontend as a configuration wants it. */
export class ManagedFrontend {
  #plan: FrontendPlan;
  readonly #running: Running;

  private constructor(plan: FrontendPlan, running: Running) {
    this.#plan = plan;
    this.#running = running;
  }

  /** Resolves when it listens. @throws {NetError} */
  static async start(plan: FrontendPlan, context: BalancerContext): Promise<ManagedFrontend> {
    const { configuration, to } = plan;
    const { name, listen, transport } = configuration;
    const { driver, table, handler, nodeId, startStream = startSpliceFrontend } = context;
    if (transport === "udp") {
      // The configuration was checked: datagrams come to a host and a port.
      const options = { name, listen: listen as TcpAddress, pool: to.pool, table, handler, nodeId };
      const frontend = await startUdpFrontend({ ...options, settings: udpSettings(plan) });
      return new ManagedFrontend(plan, { transport, frontend });
    }
    const options = { name, driver, listen, pool: to.pool, dialer: to.dialer, table, handler };
    const frontend = await startStream({ ...options, settings: streamSettings(plan) });
    return new ManagedFrontend(plan, { transport, frontend });
  }

  get frontend(): Frontend {
    return this.#running.frontend;
  }

  get configuration(): FrontendConfiguration {
    return this.#plan.configuration;
  }

  /** `tcp`, `tls` or `udp`. */
  get protocol(): "tcp" | "tls" | "udp" {
    return this.#plan.tls ? "tls" : this.#running.transport;
  }

  /** How long its clients may take to finish where it is taken out, in milliseconds. */
  get drainMs(): number {
    return this.#plan.to.configuration.connections.drainMs;
  }

  /** Whether a plan asks for anything that is not so. */
  differsFrom(plan: FrontendPlan): boolean {
    const { configuration, tls, to, shared } = this.#plan;
    const isSameFrontend = isSame(configuration, plan.configuration) && shared === plan.shared;
    return !(isSameFrontend && tls === plan.tls && to === plan.to && !this.frontend.isDraining);
  }

  /** Whether it can become what a plan says without listening anew. */
  canBecome({ configuration, tls }: FrontendPlan): boolean {
    const { listen, transport } = this.#plan.configuration;
    const isInPlace = isSame([listen, transport], [configuration.listen, configuration.transport]);
    const isTlsTheSame = (tls === undefined) === (this.#plan.tls === undefined);
    return isInPlace && isTlsTheSame && !this.frontend.isDraining;
  }

  /** Becomes what another plan says. Those who are served do not notice. */
  configure(plan: FrontendPlan): void {
    this.#plan = plan;
    const { transport, frontend } = this.#running;
    if (transport === "udp") {
      frontend.configure(udpSettings(plan));
      frontend.redirect(plan.to.pool);
    } else {
      frontend.configure(streamSettings(plan));
      frontend.redirect(plan.to.pool, plan.to.dialer);
    }
  }
}

function accessOf({ configuration: { access }, shared }: FrontendPlan): AccessSettings {
  const { allow, deny, maxConnections, maxConnectionsPerClient } = access;
  return { allow: allow?.list, deny: deny?.list, maxConnections, maxConnectionsPerClient, shared };
}

function streamSettings(plan: FrontendPlan): FrontendSettings {
  const { proxyProtocol, timeouts } = plan.configuration;
  return {
    access: accessOf(plan),
    tls: plan.tls,
    proxyProtocol: proxyProtocol && { trusted: proxyProtocol.trusted.list },
    timeouts,
  };
}

function udpSettings(plan: FrontendPlan): UdpSettings {
  const { proxyProtocol, timeouts } = plan.configuration;
  return {
    access: accessOf(plan),
    sessionTimeoutMs: timeouts.sessionMs,
    proxyProtocolIn: proxyProtocol && { trusted: proxyProtocol.trusted.list },
    proxyProtocolOut: plan.to.configuration.proxyProtocol,
  };
}
