import { readFileSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import type { JsonSchema } from "@valibot/to-json-schema";
import {
  type DescribedObject,
  describedObjects,
  KEYS_FILE,
  SCHEMA_FILE,
  schemaText,
  withTables,
} from "../../../docs/generate.ts";
import { test } from "../../testing.ts";
import { file, parsed, problemsOf } from "./configurations.ts";
import { violations } from "./json_schema.ts";

const document = readFileSync(KEYS_FILE, "utf8");

/** The texts of the JSON examples in the document, by their headings. */
function examples(): Map<string, string> {
  const found = document.matchAll(/### (?<title>[^\n]+)\n(?:(?!###)[\s\S])*?```json\n(?<text>[\s\S]*?)```/g);
  return new Map(Array.from(found, ({ groups }) => [groups?.title ?? "", groups?.text ?? ""]));
}

/** The part of the document that is about an object. */
function tableOf({ path }: DescribedObject): string {
  // The four fates have one shape, which is told once.
  const told = path.replace(/\.on[A-Z][A-Za-z]+$/, ".onDown");
  const mark = `<!-- keys of ${told === "" ? "FILE" : told} -->\n`;
  const start = document.indexOf(mark);
  assert(start >= 0, `docs/configuration.md has no table of "${told}"`);
  return document.slice(start, document.indexOf("<!-- end -->", start));
}

test("docs/chorus.schema.json and the tables of docs/configuration.md are those of the schema: else npm run docs", () => {
  assertEquals(readFileSync(SCHEMA_FILE, "utf8"), schemaText());
  assertEquals(document, withTables(document));
});

test("docs/configuration.md describes every key, with its default", () => {
  for (const object of describedObjects()) {
    const table = tableOf(object);
    for (const [key, { default: standard, description = "" }] of Object.entries(object.keys)) {
      const row = table.split("\n").find((line) => line.startsWith(`| \`${key}\` |`));
      assert(row, `docs/configuration.md says nothing of ${object.path}.${key}`);
      assert(description.length > 10, `${object.path}.${key} has no description`);
      if (standard !== undefined && typeof standard !== "object")
        assert(
          row.includes(`| \`${standard}\` |`),
          `docs/configuration.md lacks the default of ${object.path}.${key}`,
        );
    }
  }
});

test("the examples of docs/configuration.md are right", () => {
  const found = examples();
  assertEquals(found.size, 3);
  const [sites, chat, dns] = Array.from(found.values(), parsed);
  assertEquals(sites?.pools.get("sites")?.key, { from: "sni" });
  assertEquals(chat?.pools.get("chat")?.registry, "chat");
  assertEquals(dns?.frontends.get("dns-udp")?.transport, "udp");
});

test("the mistakes that docs/configuration.md shows are those that are reported", () => {
  const [, shown = ""] = /```\n(chorus\.json:[\s\S]*?)```/.exec(document) ?? [];
  const text = `{
  "pools": {
    "web": {
      "backends": [
        "10.0.0.1:80"
      ],
      "policy": "least-conections",
      "fallback": "random",
      "slowstart": "30s"
    }
  },
  "frontends": {
    "main": {
      "listen": "127.0.0.1:7000",
      "pool": "wbe"
    }
  }
}`;
  const lines = problemsOf(text).map(({ path, message }) => `${path}: ${message}`);
  for (const line of shown.trim().split("\n"))
    assert(lines.includes(line.replace(/^chorus\.json:\d+:\d+: /, "")), line);
});

test("the JSON Schema has a description for every key and allows no other", () => {
  const schema = JSON.parse(schemaText());
  assertEquals([schema.$schema, schema.type], ["http://json-schema.org/draft-07/schema#", "object"]);
  assertEquals(schema.additionalProperties, false);
  const named = schema.properties.frontends.additionalProperties;
  assertEquals([named.additionalProperties, named.required], [false, ["listen", "pool"]]);
});

test("the JSON Schema takes the examples, and refuses what is wrong by itself where the program does", () => {
  const schema: JsonSchema = JSON.parse(schemaText());
  for (const text of examples().values()) assertEquals(violations(schema, JSON.parse(text)), []);
  const wrong: readonly (readonly [object, string])[] = [
    [file({ listen: 5 }), ".frontends.main.listen"],
    [file({ timeouts: { idle: "5" } }), ".frontends.main.timeouts.idle"],
    [file({ access: { allow: [] } }), ".frontends.main.access.allow"],
    [file({ acess: {} }), ".frontends.main.acess"],
    [file({ tls: { certificates: [{ key: "a" }] } }), ".frontends.main.tls.certificates[0]"],
    [file({}, { backends: ["h:1", { weight: -1, address: "h:1" }] }), ".pools.web.backends[1]"],
    [file({}, { connections: { onUp: "kep" } }), ".pools.web.connections.onUp"],
    [file({}, { registry: false }), ".pools.web.registry"],
    [file({}, { heartbeat: { rise: 0 } }), ".pools.web.heartbeat.rise"],
    [file({}, {}, { nodeId: "a>b" }), ".nodeId"],
  ];
  for (const [value, path] of wrong) {
    assertEquals(violations(schema, JSON.parse(JSON.stringify(value))), [path]);
    assertEquals(problemsOf(value).length, 1);
  }
});
