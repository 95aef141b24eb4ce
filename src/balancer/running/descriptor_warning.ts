import { descriptorLimit } from "../../net/mod.ts";
import type { BalancerConfiguration } from "../configuration/contract.ts";
import { maxClients } from "../frontend/descriptors.ts";

/** What to tell the operator at the start, where the clients that a configuration lets in cannot all have their files; else undefined. */
export function descriptorWarning({ limits, frontends }: BalancerConfiguration): string | undefined {
  const perFrontend = Array.from(frontends.values(), ({ access }) => access.maxConnections ?? 0);
  const asked = limits.maxConnections ?? perFrontend.reduce((sum, one) => sum + one, 0);
  const most = maxClients();
  if (asked <= most) return undefined;
  return `${asked} connections are asked for, but this process may open ${descriptorLimit()} files, which is enough for ${most}; raise the limit (ulimit -n)`;
}
