import * as v from "valibot";
import { formatAddress } from "../../net/mod.ts";
import type { AdminState } from "../pool/backend.ts";
import { backendSchema } from "./backend_schema.ts";
import type { BackendConfiguration } from "./contract.ts";
import { readJson } from "./json.ts";
import { type BackendOverride, type Changed, MAX_OVERRIDES, type Overrides } from "./overrides.ts";
import { formatPath } from "./problem.ts";
import { section } from "./section.ts";

const VERSION = 1;

const limit = v.union([v.pipe(v.number(), v.integer(), v.minValue(1)), v.literal("none")]);
const admin = v.picklist(["enabled", "draining", "disabled"] satisfies AdminState[]);
const label = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));

function changed<T>(value: v.GenericSchema<T, T>): v.GenericSchema<unknown, Changed<T>> {
  return v.pipe(
    section({ value, base: v.optional(value) }),
    v.transform((found) => ({ value: found.value as T, base: found.base as T | undefined })),
  );
}

const presence = v.variant("kind", [
  v.strictObject({ kind: v.literal("added"), backend: backendSchema, base: v.optional(backendSchema) }),
  v.strictObject({ kind: v.literal("removed"), base: backendSchema }),
]);

const entry = section({
  pool: label,
  backend: label,
  presence: v.optional(presence),
  weight: v.optional(changed(v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000_000)))),
  maxConnections: v.optional(changed(limit)),
  admin: v.optional(changed(admin)),
});

const schema = section({
  version: v.literal(VERSION),
  overrides: v.pipe(v.array(entry), v.maxLength(MAX_OVERRIDES)),
});

/** Writes overrides as the text of a state file. */
export function encodeOverrides(overrides: Overrides): string {
  const entries = [...overrides].flatMap(([pool, backends]) =>
    Array.from(backends, ([backend, found]) => ({ pool, backend, ...toPlain(found) })),
  );
  return `${JSON.stringify({ version: VERSION, overrides: entries }, undefined, 2)}\n`;
}

function toPlain({ presence: found, ...rest }: BackendOverride): object {
  if (!found) return rest;
  const base = found.base && plainBackend(found.base);
  if (found.kind === "removed") return { presence: { kind: "removed", base }, ...rest };
  return { presence: { kind: "added", backend: plainBackend(found.backend), base }, ...rest };
}

function plainBackend(backend: BackendConfiguration): object {
  return { ...backend, address: formatAddress(backend.address) };
}

/**
 * Reads what {@linkcode encodeOverrides} writes.
 *
 * @returns The overrides, or a sentence that says what is wrong with the text.
 */
export function decodeOverrides(text: string): Overrides | string {
  const document = readJson(text);
  if ("message" in document) return `line ${document.line}, column ${document.column}: ${document.message}`;
  const result = v.safeParse(schema, document.value);
  if (!result.success) {
    const [issue] = result.issues;
    const path = (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
    return `${formatPath(path)}: ${issue.message}`;
  }
  const overrides = new Map<string, Map<string, BackendOverride>>();
  for (const { pool, backend, ...found } of result.output.overrides) {
    const backends = overrides.get(pool) ?? new Map<string, BackendOverride>();
    backends.set(backend, found);
    overrides.set(pool, backends);
  }
  return overrides;
}
