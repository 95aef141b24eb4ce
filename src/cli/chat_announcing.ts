import { systemClock } from "../async/mod.ts";
import { type Address, formatAddress } from "../net/mod.ts";
import type { Announced, Registry } from "../registry/mod.ts";
import type { ChatValues } from "./chat_flags.ts";

/** What a chat server announces, beside what its flags say. */
export interface ChatAnnouncing {
  /** New at each start. */
  readonly instance: string;
  /** Where balancers reach it. */
  readonly tcp: Address;
  /** Where balancers reach its HTTP side. */
  readonly web: string | undefined;
  readonly values: Pick<ChatValues, "weight" | "capacity" | "trusted">;
}

/** Announces a chat server, where there is a registry. */
export async function announceChat(
  registry: Registry | undefined,
  { instance, tcp, web, values }: ChatAnnouncing,
): Promise<Announced | undefined> {
  const { weight, capacity, trusted } = values;
  return await registry?.announce({
    id: instance,
    startedAt: systemClock.wallNow(),
    tcp: formatAddress(tcp),
    ...(web !== undefined && { web }),
    weight,
    capacity,
    draining: false,
    // It reads the PROXY headers of those balancers.
    ...(trusted.length > 0 && { proxy: 2 }),
  });
}
