/**
 * As much of JSON Schema as our own schema uses, for tests.
 *
 * @module
 */
import type { JsonSchema } from "@valibot/to-json-schema";
import { isSame } from "../../../src/balancer/configuration/difference.ts";

const KEYWORDS = [
  "$schema",
  "additionalProperties",
  "anyOf",
  "const",
  "default",
  "description",
  "enum",
  "items",
  "maxItems",
  "maxProperties",
  "maximum",
  "minItems",
  "minimum",
  "pattern",
  "properties",
  "propertyNames",
  "required",
  "title",
  "type",
];

/** The paths at which a value breaks a schema. @throws {Error} When the schema has a keyword that this does not know. */
export function violations(schema: JsonSchema, value: unknown, path = ""): string[] {
  for (const keyword of Object.keys(schema))
    if (!KEYWORDS.includes(keyword)) throw new Error(`Cannot check schema: "${keyword}" is not known here`);
  if (schema.anyOf) {
    const all = schema.anyOf.map((one) => (typeof one === "object" ? violations(one, value, path) : []));
    return all.some((found) => found.length === 0) ? [] : [path];
  }
  const here = breaks(schema, value) ? [path] : [];
  if (Array.isArray(value))
    return [...here, ...value.flatMap((item, at) => within(schema.items, item, `${path}[${at}]`))];
  if (typeof value !== "object" || value === null) return here;
  return [...here, ...Object.entries(value).flatMap(([key, item]) => keyViolations(schema, key, item, path))];
}

function keyViolations(schema: JsonSchema, key: string, value: unknown, path: string): string[] {
  const { properties = {}, propertyNames, additionalProperties } = schema;
  const own = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
  return [...within(propertyNames, key, `${path}.${key}`), ...within(own, value, `${path}.${key}`)];
}

function within(schema: unknown, value: unknown, path: string): string[] {
  if (schema === false) return [path];
  return typeof schema === "object" ? violations(schema as JsonSchema, value, path) : [];
}

/** Whether a value breaks a rule by itself. */
function breaks(schema: JsonSchema, value: unknown): boolean {
  const { type, enum: words, const: only } = schema;
  if (type !== undefined && !isOfType(type, value)) return true;
  if (words && !words.some((word) => isSame(word, value))) return true;
  if (only !== undefined && only !== value) return true;
  const { minimum, maximum, pattern = "" } = schema;
  if (typeof value === "number") return isOutside(value, minimum, maximum);
  // Editors compile patterns like this.
  if (typeof value === "string") return !new RegExp(pattern, "u").test(value);
  if (Array.isArray(value)) return isOutside(value.length, schema.minItems, schema.maxItems);
  const keys = Object.keys(value ?? {});
  return (
    schema.required?.some((key) => !keys.includes(key)) === true ||
    isOutside(keys.length, 0, schema.maxProperties)
  );
}

function isOutside(
  value: number,
  minimum = Number.NEGATIVE_INFINITY,
  maximum = Number.POSITIVE_INFINITY,
): boolean {
  return value < minimum || value > maximum;
}

function isOfType(type: unknown, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return type === typeof value;
}
