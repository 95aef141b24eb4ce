import { type Finding, soundValues } from "./finding.ts";
import { checkFrontends } from "./frontend_checks.ts";
import { stateFile } from "./normalize.ts";
import { checkPools } from "./pool_checks.ts";
import type { FileValues } from "./schema.ts";

/** What the checks go by besides the values. */
export interface CheckContext {
  /** What is wrong already. What has to do with it is not checked. */
  readonly mistakes: readonly Finding[];
  /** The configuration file, absolute. */
  readonly file: string;
  /** Whether the file says anything there. */
  has(...path: string[]): boolean;
}

/** Everything that is right by itself and does not go together. */
export function* crossChecks(values: FileValues, { mistakes, file, has }: CheckContext): Generator<Finding> {
  if (mistakes.some(({ path }) => path.length === 0)) return;
  const sound = soundValues(values, mistakes, has);
  // A key that is wrong at the top may be the one that was meant, and a frontend with a wrong name is not among the values.
  const isMeant = mistakes.some(({ path }) => path.length === 1 || path[0] === "frontends");
  if (!isMeant && Object.keys(values.frontends).length === 0)
    yield { path: ["frontends"], message: "there is no frontend; name at least one, with listen and pool" };
  yield* checkFrontends(sound);
  yield* checkPools(sound);
  if (sound.advertise && !has("redis"))
    yield {
      path: ["advertise"],
      message: "a balancer announces itself in a Redis; say which by the key redis",
    };
  if (stateFile(sound, file) === file)
    yield { path: ["state"], message: "this is the configuration file itself, which would be overwritten" };
}
