import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "./contract.ts";

/** Every scenario, in the order of the files' names. */
export async function allScenarios(): Promise<readonly Scenario[]> {
  const folder = join(import.meta.dirname, "scenarios");
  const modules = await Promise.all(
    readdirSync(folder)
      .filter((file) => file.endsWith(".ts"))
      .sort()
      .map((file) => import(join(folder, file)) as Promise<{ scenarios: readonly Scenario[] }>),
  );
  return modules.flatMap(({ scenarios }) => scenarios);
}
