import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeProxyHeader,
  encodeProxyHeader,
  isProxySignaturePrefix,
  MAX_PROXY_V1_BYTES,
  MAX_PROXY_V2_BYTES,
  PROXY_TLV,
  type ProxyAddress,
  type ProxyHeader,
  type ProxyTlv,
} from "../../src/wire/mod.ts";
import { test } from "../testing.ts";
import { bytesOf, concat, fromHex, reasonOf, testPeek } from "./peek_conformance.ts";

type Relayed = Extract<ProxyHeader, { kind: "relayed" }>;

const SIGNATURE = "0D0A0D0A000D0A515549540A";

const port = fc.nat(65_535);
/** Objects as literals make them. */
const PLAIN = { noNullPrototype: true } as const;
const path = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .filter((text) => text.isWellFormed() && !text.includes("\0") && bytesOf(text).length <= 108);
const tlv: fc.Arbitrary<ProxyTlv> = fc.record(
  {
    type: fc.nat(255).filter((type) => type !== PROXY_TLV.crc32c),
    value: fc.uint8Array({ maxLength: 60 }),
  },
  PLAIN,
);
const transport = fc.constantFrom<Relayed["transport"]>("stream", "datagram");

function pair(host: fc.Arbitrary<string>): fc.Arbitrary<Pick<Relayed, "source" | "destination">> {
  const end: fc.Arbitrary<ProxyAddress> = fc.record({ host, port }, PLAIN);
  return fc.record({ source: end, destination: end }, PLAIN);
}

const v4 = pair(fc.ipV4());
// Groups that are never zero and no IPv4 in disguise have one form only.
const v6 = pair(
  fc
    .array(fc.integer({ min: 1, max: 65_535 }), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((group) => group.toString(16)).join(":")),
);
const unix = fc.record(
  {
    source: path.map((name) => ({ path: name })),
    destination: path.map((name) => ({ path: name })),
  },
  PLAIN,
);

const relayed: fc.Arbitrary<ProxyHeader> = fc
  .tuple(fc.oneof(v4, v6, unix), transport, fc.array(tlv, { maxLength: 6 }))
  .map(([ends, kind, tlvs]) => ({ kind: "relayed", transport: kind, ...ends, tlvs }));
const overIp: fc.Arbitrary<ProxyHeader> = fc
  .oneof(v4, v6)
  .map((ends) => ({ kind: "relayed", transport: "stream", ...ends, tlvs: [] }));
const unknown: fc.Arbitrary<ProxyHeader> = fc
  .array(tlv, { maxLength: 6 })
  .map((tlvs) => ({ kind: "unknown", tlvs }));
const local: fc.Arbitrary<ProxyHeader> = fc.constant({ kind: "local" });
const noAddress: fc.Arbitrary<ProxyHeader> = fc.constant({ kind: "unknown", tlvs: [] });

testPeek("decodeProxyHeader() of version 1", {
  peek: decodeProxyHeader,
  limitBytes: MAX_PROXY_V2_BYTES,
  samples: fc.oneof(overIp, noAddress).map((header) => [encodeProxyHeader(header, 1), header] as const),
});

testPeek("decodeProxyHeader() of version 2", {
  peek: decodeProxyHeader,
  limitBytes: MAX_PROXY_V2_BYTES,
  samples: fc.oneof(relayed, unknown, local).map((header) => [encodeProxyHeader(header, 2), header] as const),
});

/** A stream over IP. */
function stream(
  source: ProxyAddress,
  destination: ProxyAddress,
  tlvs: readonly ProxyTlv[] = [],
): ProxyHeader {
  return { kind: "relayed", transport: "stream", source, destination, tlvs };
}

test("decodeProxyHeader() reads the longest lines of version 1 that the specification shows", () => {
  const full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const end = { host: full, port: 65_535 };
  const lines: readonly (readonly [string, ProxyHeader])[] = [
    [
      "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
      stream({ host: "255.255.255.255", port: 65_535 }, { host: "255.255.255.255", port: 65_535 }),
    ],
    [`PROXY TCP6 ${full} ${full} 65535 65535\r\n`, stream(end, end)],
    ["PROXY UNKNOWN\r\n", { kind: "unknown", tlvs: [] }],
    [`PROXY UNKNOWN ${full} ${full} 65535 65535\r\n`, { kind: "unknown", tlvs: [] }],
  ];
  for (const [line, value] of lines)
    assertEquals(decodeProxyHeader(bytesOf(line)), { state: "found", value, length: line.length });
  assertEquals(lines.at(-1)?.[0].length, MAX_PROXY_V1_BYTES);
});

test("decodeProxyHeader() refuses a line of one byte more than 107, and waits for none after 107", () => {
  const long = bytesOf(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`);
  assertEquals(long.length, 108);
  assertEquals(decodeProxyHeader(long.subarray(0, 106)).state, "more");
  assertStringIncludes(reasonOf(decodeProxyHeader(long.subarray(0, 107))), "107 bytes");
  assertStringIncludes(reasonOf(decodeProxyHeader(long)), "107 bytes");
});

test("decodeProxyHeader() refuses every line of version 1 that the specification does not allow", () => {
  const lines = [
    "PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3",
    "PROXY TCP4 10.0.0.1 10.0.0.2 1",
    "PROXY TCP4  10.0.0.1 10.0.0.2 1 2",
    "PROXY TCP4 10.0.0.1 10.0.0.2 1 65536",
    "PROXY TCP4 10.0.0.1 10.0.0.2 01 2",
    "PROXY TCP4 10.0.0.1 10.0.0.2 -1 2",
    "PROXY TCP4 10.0.0.01 10.0.0.2 1 2",
    "PROXY TCP4 10.0.0.256 10.0.0.2 1 2",
    "PROXY TCP4 ::1 ::2 1 2",
    "PROXY TCP6 10.0.0.1 10.0.0.2 1 2",
    "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2",
    "PROXY TCP6 1::2::3 ::1 1 2",
    "PROXY TCP6 1:2:3:4:5:6:7:8:: ::1 1 2",
    "PROXY TCP6 ::10000 ::1 1 2",
    "PROXY TCP6 fe80::1%eth0 ::1 1 2",
    "PROXY UDP4 10.0.0.1 10.0.0.2 1 2",
    "PROXY tcp4 10.0.0.1 10.0.0.2 1 2",
    "PROXY ",
  ];
  for (const line of lines) assertEquals(decodeProxyHeader(bytesOf(`${line}\r\n`)).state, "none", line);
  assertStringIncludes(reasonOf(decodeProxyHeader(bytesOf("PROXY UNKNOWN\n"))), "\\r\\n");
});

test("decodeProxyHeader() gives an address in its one form, however it was written", () => {
  const forms: readonly (readonly [string, string])[] = [
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["0:0:1:0:0:0:0:0", "0:0:1::"],
    ["1:0:0:2:0:0:3:4", "1::2:0:0:3:4"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::", "::"],
    ["::ffff:0a00:0007", "::ffff:10.0.0.7"],
    ["::ffff:10.0.0.7", "::ffff:10.0.0.7"],
    ["64:ff9b::10.0.0.7", "64:ff9b::a00:7"],
  ];
  for (const [written, form] of forms) {
    const peek = decodeProxyHeader(bytesOf(`PROXY TCP6 ${written} ::1 1 2\r\n`));
    assert(peek.state === "found" && peek.value.kind === "relayed", written);
    assertEquals(peek.value.source, { host: form, port: 1 });
  }
});

test("version 2 is the bytes of the specification: signature, command, family, length, addresses, ports, TLVs", () => {
  const authority = { type: PROXY_TLV.authority, value: bytesOf("a.b") };
  const header = stream({ host: "192.0.2.7", port: 0x12_34 }, { host: "10.0.0.1", port: 443 }, [authority]);
  const bytes = fromHex(`${SIGNATURE} 21 11 0012 C0000207 0A000001 1234 01BB 02 0003 612E62`);
  assertEquals(encodeProxyHeader(header, 2), bytes);
  assertEquals(decodeProxyHeader(bytes), { state: "found", value: header, length: bytes.length });
  assertEquals(encodeProxyHeader({ kind: "local" }, 2), fromHex(`${SIGNATURE} 20 00 0000`));
});

test("decodeProxyHeader() takes what is local whatever follows in the header, and uses none of it", () => {
  const bytes = fromHex(`${SIGNATURE} 20 11 0003 FFFFFF`);
  assertEquals(decodeProxyHeader(bytes), { state: "found", value: { kind: "local" }, length: bytes.length });
});

test("decodeProxyHeader() refuses every header of version 2 that the specification does not allow", () => {
  const block = "C0000207 0A000001 1234 01BB";
  const wrong: readonly (readonly [string, string])[] = [
    [`11 11 000C ${block}`, "0x11"],
    [`22 11 000C ${block}`, "0x22"],
    [`21 13 000C ${block}`, "0x13"],
    [`21 10 000C ${block}`, "0x10"],
    [`21 41 000C ${block}`, "0x41"],
    ["21 11 000B", "needs 28"],
    ["21 21 000C", "needs 52"],
    ["21 31 000C", "needs 232"],
    ["21 11 FFFF", "at most 4096"],
    [`21 11 000E ${block} 0200`, "longer than the header"],
    [`21 11 0011 ${block} 02 0003 6162`, "longer than the header"],
  ];
  for (const [rest, words] of wrong)
    assertStringIncludes(reasonOf(decodeProxyHeader(fromHex(SIGNATURE + rest))), words, rest);
});

test("a header of just 4096 bytes passes, one of a byte more is neither written nor read", () => {
  const filled = (size: number) =>
    stream({ host: "10.0.0.1", port: 1 }, { host: "10.0.0.2", port: 2 }, [
      { type: PROXY_TLV.noop, value: new Uint8Array(size) },
    ]);
  const bytes = encodeProxyHeader(filled(4096 - 31), 2);
  assertEquals([bytes.length, decodeProxyHeader(bytes).state], [4096, "found"]);
  assertThrows(
    () => encodeProxyHeader(filled(4096 - 30), 2),
    RangeError,
    "at most 4096 bytes, received 4097",
  );
});

test("a checksum is computed when a header is written, and a header with any byte changed is refused", () => {
  const asked = { type: PROXY_TLV.crc32c, value: new Uint8Array() };
  fc.assert(
    fc.property(relayed, fc.nat(), fc.integer({ min: 1, max: 255 }), (header, where, flip) => {
      if (header.kind !== "relayed") return;
      const tlvs = [asked, ...header.tlvs];
      const bytes = encodeProxyHeader({ ...header, tlvs }, 2);
      const peek = decodeProxyHeader(bytes);
      assert(peek.state === "found" && peek.value.kind === "relayed");
      assertEquals([peek.value.source, peek.value.tlvs.length], [header.source, tlvs.length]);
      // A byte of the checksum itself or of an address: elsewhere other reasons may come first.
      const checksum = bytes.length - header.tlvs.reduce((sum, one) => sum + one.value.length + 3, 0) - 4;
      const at = (where % 2 === 0 ? checksum : 16) + ((where >> 1) % 4);
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      assertEquals(reasonOf(decodeProxyHeader(bytes)), "the checksum is wrong");
    }),
  );
  const known = fromHex(`${SIGNATURE} 21 11 0013 C0000207 0A000001 1234 01BB 03 0004 00000000`);
  const header = stream({ host: "192.0.2.7", port: 0x12_34 }, { host: "10.0.0.1", port: 443 }, [asked]);
  assertEquals(encodeProxyHeader(header, 2).subarray(0, -4), known.subarray(0, -4));
});

test("encodeProxyHeader() writes IPv4 as such where both ends are IPv4 in IPv6, and as IPv6 where only one is", () => {
  const read = (source: string, destination: string, version: 1 | 2) => {
    const peek = decodeProxyHeader(
      encodeProxyHeader(stream({ host: source, port: 1 }, { host: destination, port: 2 }), version),
    );
    assert(peek.state === "found" && peek.value.kind === "relayed");
    const { source: from, destination: to } = peek.value;
    return [from, to].map((end) => ("host" in end ? end.host : ""));
  };
  for (const version of [1, 2] as const) {
    assertEquals(read("::ffff:10.0.0.1", "10.0.0.2", version), ["10.0.0.1", "10.0.0.2"]);
    assertEquals(read("10.0.0.1", "fe80::1%eth0", version), ["::ffff:10.0.0.1", "fe80::1"]);
  }
});

test("version 1 says UNKNOWN of all that it cannot tell", () => {
  const ends = { source: { path: "/run/a" }, destination: { path: "" } };
  const ip = { host: "10.0.0.1", port: 1 };
  const headers: readonly ProxyHeader[] = [
    { kind: "local" },
    { kind: "unknown", tlvs: [] },
    { kind: "relayed", transport: "stream", ...ends, tlvs: [] },
    { kind: "relayed", transport: "datagram", source: ip, destination: ip, tlvs: [] },
  ];
  for (const header of headers) assertEquals(encodeProxyHeader(header, 1), bytesOf("PROXY UNKNOWN\r\n"));
});

test("a unix path ends at the first NUL; one of 108 bytes, one without a name and an abstract one pass", () => {
  for (const name of ["/run/chorus.sock", "/".repeat(108), "", "\0abstract"]) {
    const peek = decodeProxyHeader(encodeProxyHeader(stream({ path: name }, { path: "/b" }), 2));
    assert(peek.state === "found");
    assertEquals(peek.value, stream({ path: name }, { path: "/b" }));
  }
  const bytes = encodeProxyHeader(stream({ path: "/run/a\0b" }, { path: "" }), 2);
  assertEquals(decodeProxyHeader(bytes), {
    state: "found",
    value: stream({ path: "/run/a" }, { path: "" }),
    length: 232,
  });
});

test("encodeProxyHeader() refuses what no header can hold, by a sentence", () => {
  const ip = { host: "10.0.0.1", port: 1 };
  const tooLong = { type: PROXY_TLV.authority, value: new Uint8Array(70_000) };
  const wrong: readonly (readonly [ProxyHeader, string])[] = [
    [stream({ host: "localhost", port: 1 }, ip), 'host must be an IP address, received "localhost"'],
    [stream({ host: "10.0.0.1", port: 65_536 }, ip), "port must be 0 to 65535, received 65536"],
    [stream({ path: "/run/a" }, ip), "both have a path or both a host"],
    [stream({ path: "é".repeat(55) }, { path: "" }), "at most 108 bytes, received 110"],
    [stream(ip, ip, [{ type: 256, value: new Uint8Array() }]), "0 to 255, received 256"],
    [stream(ip, ip, [tooLong]), "at most 4096 bytes"],
  ];
  for (const [header, words] of wrong) assertThrows(() => encodeProxyHeader(header, 2), RangeError, words);
});

test("isProxySignaturePrefix() says yes to every beginning of a header, and no to other protocols by their first byte", () => {
  for (const signature of [bytesOf("PROXY "), fromHex(SIGNATURE)]) {
    for (let length = 1; length <= signature.length; length++)
      assertEquals(isProxySignaturePrefix(signature.subarray(0, length)), true);
    for (let at = 0; at < signature.length; at++)
      assertEquals(isProxySignaturePrefix(concat(signature.subarray(0, at), Uint8Array.of(0x7b))), false);
    assertEquals(isProxySignaturePrefix(concat(signature, bytesOf("anything"))), true);
  }
  for (const first of ["{", "\x16", "G", "\n", "\0"])
    assertEquals(isProxySignaturePrefix(bytesOf(first)), false);
  assertEquals(isProxySignaturePrefix(bytesOf("POST")), false);
});
