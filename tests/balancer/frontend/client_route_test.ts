import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import {
  type ClientRoute,
  encodeLocal,
  encodeRoute,
  routeOfHeader,
} from "../../../src/balancer/frontend/client_route.ts";
import { decodeProxyHeader } from "../../../src/wire/mod.ts";
import { test } from "../../testing.ts";
import { splitHeader } from "./listening.ts";

const CLIENT: ClientRoute = {
  source: { host: "192.0.2.7", port: 4711 },
  destination: { host: "10.0.0.1", port: 443 },
  via: ["a", "b"],
  serverName: "chat.example",
  alpn: "h2",
};
const OWN: ClientRoute = {
  source: { host: "10.0.0.9", port: 1 },
  destination: { host: "10.0.0.1", port: 2 },
  via: [],
};

/** The route that the next balancer sees. */
function passOn(route: ClientRoute, version: 1 | 2): ClientRoute {
  return routeOfHeader(splitHeader(encodeRoute(route, "me", version)).header, OWN);
}

test("version 2 passes on both addresses, the server name, the protocol and the path with this balancer at its end", () => {
  assertEquals(passOn(CLIENT, 2), { ...CLIENT, via: ["a", "b", "me"] });
});

test("version 1 passes on both addresses and nothing else", () => {
  const { source, destination } = CLIENT;
  assertEquals(passOn(CLIENT, 1), { source, destination, via: [], serverName: undefined, alpn: undefined });
});

test("IPv4 that is wrapped in IPv6 is passed on as IPv4, and read as IPv4 beside an address that is not", () => {
  const wrapped = { host: "::ffff:192.0.2.7", port: 4711 };
  const plain = { ...CLIENT, source: wrapped, destination: { host: "::ffff:10.0.0.1", port: 443 } };
  assertEquals(encodeRoute(plain, "me", 1), encodeRoute(CLIENT, "me", 1));
  const mixed = { ...CLIENT, source: wrapped, destination: { host: "2001:db8::1", port: 443 } };
  for (const version of [1, 2] as const) {
    assertEquals(passOn(mixed, version).source, CLIENT.source);
    assertEquals(passOn(mixed, version).destination, mixed.destination);
  }
});

test("the paths of unix sockets are passed on in version 2, and are unknown in version 1", () => {
  const route = { ...CLIENT, source: { path: "" }, destination: { path: "/run/chorus.sock" } };
  assertEquals(passOn(route, 2), { ...route, via: ["a", "b", "me"] });
  assertEquals(passOn(route, 1).source, OWN.source);
});

test("a path that is no UTF-8 or a name of more than 255 bytes is left out, so that every route can be passed on", () => {
  const path = Buffer.alloc(108, 0xff).toString("latin1");
  const header = splitHeader(
    encodeRoute({ ...CLIENT, serverName: "n".repeat(256), via: [] }, "me", 2),
  ).header;
  assertEquals(routeOfHeader(header, OWN).serverName, undefined);
  const odd = routeOfHeader(
    { kind: "relayed", transport: "stream", source: { path }, destination: { path: "" }, tlvs: [] },
    OWN,
  );
  assertEquals(odd.source, { path: "" });
});

test("LOCAL and UNKNOWN leave the addresses to the connection; UNKNOWN still tells the path", () => {
  assertEquals(routeOfHeader({ kind: "local" }, OWN), OWN);
  const tlvs = [{ type: 0xe0, value: Buffer.from("a>b") }];
  const unknown = routeOfHeader({ kind: "unknown", tlvs }, OWN);
  assertEquals([unknown.source, unknown.via], [OWN.source, ["a", "b"]]);
});

test("a balancer speaks for itself by LOCAL in version 2 and by UNKNOWN in version 1", () => {
  const kinds = ([1, 2] as const).map((version) => decodeProxyHeader(encodeLocal(version)));
  assertEquals(
    kinds.map((peek) => peek.state === "found" && peek.value.kind),
    ["unknown", "local"],
  );
});
