/**
 * The names of `@std/assert` over `node:assert/strict`, for machines that cannot reach JSR.
 *
 * The specifier `@std/assert` maps to this file in `deno.json` and `tsconfig.json`. Only what the tests use is here.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message = "expected a truthy value"): asserts value {
  nodeAssert.ok(value, message);
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless `actual` contains the text `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  nodeAssert.ok(
    actual.includes(expected),
    message ?? `expected ${JSON.stringify(actual)} to include "${expected}"`,
  );
}

/** Fails unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}

/** Fails unless `error` is an instance of `type` whose message includes `includes`; returns it narrowed. */
function assertErrorIs<E extends Error>(error: unknown, type: ErrorType<E>, includes: string): E {
  nodeAssert.ok(error instanceof type, `expected ${type.name}, received ${String(error)}`);
  assertStringIncludes(error.message, includes);
  return error;
}

// biome-ignore lint/suspicious/noExplicitAny: an error class may take any arguments
type ErrorType<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `body` throws a `type` whose message includes `includes`; returns the error. */
export function assertThrows<E extends Error>(body: () => unknown, type: ErrorType<E>, includes = ""): E {
  try {
    body();
  } catch (error) {
    return assertErrorIs(error, type, includes);
  }
  return nodeAssert.fail(`expected ${type.name} to be thrown`);
}

/** Fails unless `body` rejects with a `type` whose message includes `includes`; returns the error. */
export async function assertRejects<E extends Error>(
  body: () => PromiseLike<unknown>,
  type: ErrorType<E>,
  includes = "",
): Promise<E> {
  try {
    await body();
  } catch (error) {
    return assertErrorIs(error, type, includes);
  }
  return nodeAssert.fail(`expected a rejection with ${type.name}`);
}
