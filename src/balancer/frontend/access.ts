import type { AddressList } from "../../net/mod.ts";
import { Refusal } from "./refusal.ts";

/** A limit for all frontends that share it: the clients that they have together. */
export class SharedLimit {
  /** Clients now. */
  count = 0;
  /** Clients that other processes or threads of the same balancer have now. */
  elsewhere = 0;
  /** Clients at once. */
  most: number;

  constructor(most: number) {
    this.most = most;
  }
}

/** Who may come to a frontend. */
export interface AccessSettings {
  /** Nobody else may come. @default {everybody may} */
  readonly allow?: AddressList | undefined;
  /** They may not come, even if they are allowed. @default {nobody} */
  readonly deny?: AddressList | undefined;
  /** Clients at once. @default {no limit} */
  readonly maxConnections?: number | undefined;
  /** Clients at once from one address; those of IPv6 with the same first 64 bits are one. @default {no limit} */
  readonly maxConnectionsPerClient?: number | undefined;
  /** @internal A limit that holds for several frontends together. Those who are here when it is set do not count. @default {none} */
  readonly shared?: SharedLimit | undefined;
}

/** Whether the lists let an address in; undefined if they do. A unix socket has no address: only a list of who is allowed keeps it out. */
export function judgeAddress(host: string, { allow, deny }: AccessSettings): Refusal | undefined {
  if (deny?.has(host)) return new Refusal("denied", `${host} is on the list of those who are denied`);
  if (allow && !allow.has(host))
    return new Refusal("denied", `${host} is not on the list of those who are allowed`);
  return undefined;
}

/** Refuses limits that are none. @throws {RangeError} */
export function checkAccess(action: string, access: AccessSettings = {}): void {
  const { maxConnections, maxConnectionsPerClient } = access;
  for (const [name, limit] of Object.entries({ maxConnections, maxConnectionsPerClient })) {
    if (limit !== undefined && !(limit >= 1))
      throw new RangeError(`Cannot ${action}: ${name} must be at least 1, received ${limit}`);
  }
}
