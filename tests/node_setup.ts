/**
 * Loaded before a test file on Node: it knows where the tests' assertions are, as `deno.json` and `tsconfig.json` tell the others.
 *
 *     node --import ./tests/node_setup.ts --test FILE
 *
 * Node then runs the files as they are, as it runs the program: a compiler before it would cost each file a third of a second.
 *
 * @module
 */
import { registerHooks } from "node:module";

const ASSERTIONS = new URL("std_assert.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "@std/assert") return { url: ASSERTIONS, shortCircuit: true };
    return next(specifier, context);
  },
});
