import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseBackend } from "../../../src/balancer/discovery/backend_text.ts";
import { test } from "../../testing.ts";

test("parseBackend() reads an address with its weight, backup and limit in any order", () => {
  assertEquals(parseBackend("a.example:7001"), { address: { host: "a.example", port: 7001 } });
  assertEquals(parseBackend("[::1]:7001,max=100,backup,weight=0.5"), {
    address: { host: "::1", port: 7001 },
    maxConnections: 100,
    backup: true,
    weight: 0.5,
  });
  assertEquals(parseBackend(" unix:/run/a.sock , weight=0 "), {
    address: { path: "/run/a.sock" },
    weight: 0,
  });
});

test("parseBackend() says what it found and what is allowed", () => {
  const wrong: Readonly<Record<string, string>> = {
    "": '"" is not an address; write HOST:PORT',
    a: '"a" is not an address',
    "a:0": '"a:0" has port 0',
    "a:99999": "ports are 0 to 65535",
    "a:1,weight": '"weight" is neither weight=N nor backup nor max=N',
    "a:1,weight=": '"weight=" is not a weight; write weight=0 to weight=1000000',
    "a:1,weight=1e3": '"weight=1e3" is not a weight',
    "a:1,weight=-1": '"weight=-1" is not a weight',
    "a:1,weight=1000001": "write weight=0 to weight=1000000",
    "a:1,max=0": '"max=0" is not a limit; write max=1 to max=1000000000',
    "a:1,max=1.5": '"max=1.5" is not a limit',
    "a:1,backup=yes": '"backup=yes" is neither',
    "a:1,": '"" is neither',
    "a:1,backup,backup": "says backup twice",
  };
  for (const [text, sentence] of Object.entries(wrong)) {
    const found = parseBackend(text);
    assertStringIncludes(typeof found === "string" ? found : JSON.stringify(found), sentence);
  }
});
