import { type PolicyName, policies } from "../../mod.ts";
import type { Round, Row, Sample } from "../contract.ts";
import type { PolicyWork } from "../load/contract.ts";
import { RUNTIME_NAMES, type RuntimeName, startFile } from "../processes.ts";

const AMOUNTS: Readonly<Record<Round["size"], Omit<PolicyWork, "policy">>> = {
  full: { clients: 200_000, turns: 3 },
  small: { clients: 800, turns: 1 },
};

/** Each policy on each runtime. */
export function policyRows(): readonly Row[] {
  const names = Object.keys(policies) as PolicyName[];
  return names.flatMap((policy) =>
    RUNTIME_NAMES.map((runtime): Row => {
      const isVariant = runtime !== "bun" && policy !== "round-robin";
      return {
        name: `${policy} ${runtime}`,
        kind: "ours",
        // A quick look takes one runtime of most policies.
        isVariant,
        measure: ({ size }) => measurePolicy(runtime, { policy, ...AMOUNTS[size] }),
      };
    }),
  );
}

async function measurePolicy(runtime: RuntimeName, work: PolicyWork): Promise<Sample> {
  await using load = startFile("load", runtime, "bench/load/policy_load.ts", [JSON.stringify(work)]);
  const [line] = await load.line(/^\{.*\}$/m);
  const measured = JSON.parse(line) as Sample;
  return { ...measured, growth: growthOf(measured, "open"), "full growth": growthOf(measured, "full") };
}

/** How many times the most backends cost what the fewest do. */
function growthOf(measured: Sample, load: "open" | "full"): number {
  return (measured[`${load} 10000`] ?? Number.NaN) / (measured[`${load} 10`] ?? Number.NaN);
}
