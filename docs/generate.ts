/**
 * Writes what of the documents follows from the code: the JSON Schema of the configuration, and the tables of its keys.
 *
 *     node docs/generate.ts
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import { configurationSchema } from "../src/balancer/configuration/schema.ts";

/** The generated JSON Schema. */
export const SCHEMA_FILE: string = join(import.meta.dirname, "chorus.schema.json");
/** The document whose tables are generated. */
export const KEYS_FILE: string = join(import.meta.dirname, "configuration.md");

/** An object of the configuration: its path, such as `pools.NAME.backends[]`, and its schema. */
export interface DescribedObject {
  readonly path: string;
  readonly keys: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
}

/** The text of the JSON Schema. */
export function schemaText(): string {
  return `${write(toJsonSchema(configurationSchema, { typeMode: "input" }), "")}\n`;
}

/** Every object of the configuration that has keys of its own, from the outside to the inside. */
export function describedObjects(): DescribedObject[] {
  return Array.from(objectsOf(toJsonSchema(configurationSchema, { typeMode: "input" }), ""));
}

/**
 * Fills in the tables of a document: each between `<!-- keys of PATH -->` and `<!-- end -->`.
 *
 * @throws {Error} When a table is of an object that is not there.
 */
export function withTables(document: string): string {
  const tables = new Map(describedObjects().map((found) => [found.path, tableOf(found)]));
  return document.replaceAll(
    /<!-- keys of (?<path>\S+) -->\n[\s\S]*?<!-- end -->/g,
    (_, path: string): string => {
      const table = tables.get(path === "FILE" ? "" : path);
      if (table === undefined)
        throw new Error(`Cannot fill in table: there is no "${path}" in the configuration`);
      return `<!-- keys of ${path} -->\n${table}\n<!-- end -->`;
    },
  );
}

function* objectsOf(schema: JsonSchema, path: string): Generator<DescribedObject> {
  const { properties, additionalProperties: values, items, anyOf = [], required = [] } = schema;
  const keys = properties as Record<string, JsonSchema> | undefined;
  if (keys) yield { path, keys, required };
  for (const [key, value] of Object.entries(keys ?? {}))
    yield* objectsOf(value, path === "" ? key : `${path}.${key}`);
  if (typeof values === "object") yield* objectsOf(values, `${path}.NAME`);
  if (typeof items === "object" && !Array.isArray(items)) yield* objectsOf(items, `${path}[]`);
  for (const one of anyOf) if (typeof one === "object") yield* objectsOf(one, path);
}

function tableOf({ keys, required }: DescribedObject): string {
  const rows = Object.entries(keys).map(([key, schema]) => {
    const { default: standard, description = "" } = schema;
    const isPlain = standard !== undefined && typeof standard !== "object";
    const nothing = required.includes(key) ? "needed" : "";
    return [
      `\`${key}\``,
      allowedIn(schema),
      isPlain ? `\`${standard}\`` : nothing,
      description.replaceAll("|", "\\|"),
    ];
  });
  return [["key", "value", "default", "meaning"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** What may be written, in a few words. */
function allowedIn(schema: JsonSchema): string {
  const { type, enum: words, const: only, minimum, maximum, items, anyOf } = schema;
  if (words) return words.map((word) => `\`${word}\``).join(", ");
  if (only !== undefined) return `\`${only}\``;
  if (anyOf) return anyOf.map((one) => (typeof one === "object" ? briefly(one) : "")).join(" or ");
  switch (type) {
    case "array":
      return typeof items === "object" && !Array.isArray(items) ? `list: ${allowedIn(items)}` : "list";
    case "boolean":
      return "`true`, `false`";
    case "integer":
    case "number":
      return `${minimum} to ${maximum?.toLocaleString("en")}`;
    case "object":
      return "object";
    default:
      return allowedBy(schema.pattern ?? "");
  }
}

/** One of several things that may be written. */
function briefly(schema: JsonSchema): string {
  const keys = Object.keys(schema.properties ?? {});
  return keys.length === 1 ? `\`{"${keys[0]}": …}\`` : allowedIn(schema);
}

/** A pattern of a text, for people. */
function allowedBy(pattern: string): string {
  const words = /^\^\((?<words>[\w|]+)\)\$$/.exec(pattern)?.groups?.words;
  if (words !== undefined) return words.replaceAll(/\w+/g, "`$&`").replaceAll("|", ", ");
  return pattern.endsWith("(ms|s|m|h)$") ? "time" : "text";
}

/** The most characters of a line, as the formatter has it. */
const LINE_WIDTH = 110;

/** JSON as the formatter has it: lists that fit on a line are on one. */
function write(value: unknown, indent: string, before = ""): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const short = `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    const isFlat = value.every((item) => typeof item !== "object");
    if (isFlat && `${indent}${before}${short},`.length <= LINE_WIDTH) return short;
    return `[\n${value.map((item) => inner + write(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => {
    const label = `${JSON.stringify(key)}: `;
    return inner + label + write(item, inner, label);
  });
  return entries.length === 0 ? "{}" : `{\n${entries.join(",\n")}\n${indent}}`;
}

if (import.meta.main) {
  writeFileSync(SCHEMA_FILE, schemaText());
  writeFileSync(KEYS_FILE, withTables(readFileSync(KEYS_FILE, "utf8")));
}
