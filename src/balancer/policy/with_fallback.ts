import type { Candidate, Client, Policy } from "../contract.ts";

/** Makes one policy of two: clients without a key are picked for by `fallback`, the others by `byKey`. Both see the same backends. */
export function withFallback<B extends Candidate>(byKey: Policy<B>, fallback: Policy<B>): Policy<B> {
  const both = [byKey, fallback];
  const choose = ({ key }: Client): Policy<B> => (key === undefined ? fallback : byKey);
  return {
    countsConnections: both.some(({ countsConnections }) => countsConnections),
    add: (backend) => {
      for (const policy of both) policy.add(backend);
    },
    remove: (backend) => {
      for (const policy of both) policy.remove(backend);
    },
    change: (backend) => {
      for (const policy of both) policy.change(backend);
    },
    pick: (client, except) => choose(client).pick(client, except),
  };
}
