import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32c } from "../../src/wire/crc32c.ts";
import { formatIp, parseIp } from "../../src/wire/ip.ts";
import { test } from "../testing.ts";
import { bytesOf } from "./peek_conformance.ts";

test("parseIp() reads every address that formatIp() writes, and a URL parser writes the same", () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Zeros make the short forms.
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
      .map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(address, (bytes) => {
      const text = formatIp(bytes);
      assertEquals(parseIp(text), bytes);
      // URLs have no dots in IPv6.
      const isMapped = text.includes(":") && text.includes(".");
      if (!isMapped)
        assertEquals(
          new URL(`http://${text.includes(":") ? `[${text}]` : text}/`).hostname.replaceAll(/[[\]]/g, ""),
          text,
        );
    }),
    { numRuns: 500 },
  );
});

test("parseIp() reads no text that is not one address", () => {
  const texts = [
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.4 ",
    "0x1.2.3.4",
    ":",
    ":::",
    "1:2",
    "::1::",
    "::g",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::12345",
    "[::1]",
    "::1%lo",
  ];
  for (const text of texts) assertEquals(parseIp(text), undefined, text);
  fc.assert(fc.property(fc.string(), (text) => [undefined, 4, 16].includes(parseIp(text)?.length)));
});

test("crc32c() gives the check values of RFC 3720", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  const texts = [new Uint8Array(32), new Uint8Array(32).fill(255), ascending, bytesOf("123456789")];
  assertEquals(
    texts.map((bytes) => crc32c(bytes).toString(16)),
    ["8a9136aa", "62a8ab43", "46dd794e", "e3069283"],
  );
});
