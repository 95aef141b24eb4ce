import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import { Refusal } from "../../../src/balancer/frontend/refusal.ts";
import { startUdpFrontend } from "../../../src/balancer/frontend/udp_frontend.ts";
import {
  datagramHeader,
  datagramRoute,
  readDatagramHeader,
} from "../../../src/balancer/frontend/udp_proxy.ts";
import { AddressList, type TcpAddress } from "../../../src/net/mod.ts";
import { decodeProxyHeader, encodeProxyHeader, type ProxyHeader } from "../../../src/wire/mod.ts";
import { test } from "../../testing.ts";
import { Asker, Datagrams, Echo, HERE } from "./datagrams.ts";
import { poolAt, record, until } from "./frontends.ts";

const LOCAL_LIST = AddressList.parse(["127.0.0.1"]);
assert(LOCAL_LIST instanceof AddressList);
/** Trusts this machine. */
const TRUSTING = { proxyProtocolIn: { trusted: LOCAL_LIST } } as const;
const DESTINATION = { host: "192.0.2.1", port: 53 };

/** The header of a client. */
function headerOf(source: TcpAddress, version: 1 | 2 = 2): Buffer {
  const transport = version === 1 ? "stream" : "datagram";
  const header: ProxyHeader = { kind: "relayed", transport, source, destination: DESTINATION, tlvs: [] };
  return Buffer.from(encodeProxyHeader(header, version));
}

function behind(header: Uint8Array, text: string): Buffer {
  return Buffer.concat([header, Buffer.from(text)]);
}

/** What a backend got: the header, and what was behind it. */
function split(datagram: Uint8Array): { readonly header: ProxyHeader; readonly rest: string } {
  const peek = decodeProxyHeader(datagram);
  assert(peek.state === "found", JSON.stringify(peek));
  return { header: peek.value, rest: Buffer.from(datagram.subarray(peek.length)).toString() };
}

for (const version of [1, 2] as const) {
  test(`a PROXY header of version ${version} in front of a datagram tells who the client is, and is not passed on`, async () => {
    await using world = await Datagrams.start(1, { settings: TRUSTING });
    const client = await world.client();
    const header = headerOf({ host: "198.51.100.7", port: 4000 }, version);
    assertEquals(await client.ask(behind(header, "1")), "a:1");
    assertEquals(await client.ask(behind(header, "2")), "a:2");
    assertEquals(
      world.table.list({}).map((entry) => entry.client),
      ["198.51.100.7:4000"],
    );
    assertEquals(world.frontend.connections, 1);
  });
}

test("whatever is behind a header is given as it came, and no bytes at all do harm to whoever reads them", () => {
  const own = datagramRoute({ host: "127.0.0.1", port: 1 }, DESTINATION);
  const source = { host: "198.51.100.7", port: 4000 };
  const payloads = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(payloads, fc.constantFrom(1 as const, 2 as const), fc.nat(60), (payload, version, cut) => {
      const header = datagramHeader({ ...own, source, via: ["n1"] }, "n2", version);
      const read = readDatagramHeader(Buffer.concat([header, payload]), own, LOCAL_LIST);
      assert(read && !(read instanceof Refusal));
      assertEquals(Buffer.from(read.payload), Buffer.from(payload));
      assertEquals([read.route.source, read.route.via], [source, version === 2 ? ["n1", "n2"] : []]);
      const broken = Buffer.concat([header.subarray(0, cut), payload]);
      for (const bytes of [payload, broken]) readDatagramHeader(bytes, own, LOCAL_LIST);
    }),
  );
});

test("one sender may send for many clients, each of which has a session; what has no header is of the last one", async () => {
  await using world = await Datagrams.start(2, { settings: TRUSTING });
  const sender = await world.client();
  const [one, other] = [1, 2].map((port) => headerOf({ host: "198.51.100.7", port })) as [Buffer, Buffer];
  assertEquals(await sender.ask(behind(one, "1")), "a:1");
  assertEquals(await sender.ask(behind(other, "1")), "b:1");
  assertEquals(await sender.ask(behind(one, "2")), "a:2");
  assertEquals([await sender.ask("3"), await sender.ask("4")], ["a:3", "a:4"]);
  assertEquals([await sender.ask(behind(other, "5")), await sender.ask("6")], ["b:5", "b:6"]);
  assertEquals([world.frontend.connections, world.frontend.counters.refusedTotal], [2, 0]);
});

test("a datagram shorter than a header's signature is the client's own, also where the signature begins so", async () => {
  await using world = await Datagrams.start(1, { settings: TRUSTING });
  const sender = await world.client();
  const header = headerOf({ host: "198.51.100.7", port: 4000 });
  assertEquals(await sender.ask(behind(header, "1")), "a:1");
  for (const text of ["P", "PROXY", "\r", "\r\n", "\r\n\r\n\0\r\nQUIT"])
    assertEquals(await sender.ask(text), `a:${text}`);
  assertEquals(world.frontend.counters.refusedTotal, 0);
});

test("a header that is missing, wrong, cut off or from someone who is not trusted is refused, and it is said why", async () => {
  const handler = record();
  await using world = await Datagrams.start(1, { handler, settings: TRUSTING });
  const client = await world.client();
  const refusals = async (datagram: string | Uint8Array): Promise<string | undefined> => {
    const before = world.frontend.counters.refused.proxy_header;
    client.send(datagram);
    await until("it to be refused", () => world.frontend.counters.refused.proxy_header === before + 1);
    return handler.details.at(-1);
  };
  const header = headerOf({ host: "198.51.100.7", port: 4000 });
  const from = "from 127.0.0.1: ";
  assertEquals(
    await refusals("hello"),
    `${from}the datagram has no header, and none came before it; the first one must have one`,
  );
  assertEquals(
    await refusals(header.subarray(0, 20)),
    `${from}the datagram ends within the header, after 20 bytes; it must be whole`,
  );
  assert((await refusals("PROXY NONSENSE\r\nhello"))?.includes("there are TCP4, TCP6 and UNKNOWN"));
  const others = AddressList.parse(["10.0.0.0/8"]);
  assert(others instanceof AddressList);
  world.frontend.configure({ proxyProtocolIn: { trusted: others } });
  const words = "127.0.0.1 is not one of the addresses that are trusted to send one";
  assertEquals([await refusals(behind(header, "1")), await refusals("hello")], [words, words]);
  assertEquals([world.echoes[0]?.received.length, world.frontend.connections], [0, 0]);
});

test("the lists and limits are about the address that the header tells", async () => {
  const handler = record();
  const deny = AddressList.parse(["198.51.100.0/24"]);
  assert(deny instanceof AddressList);
  const access = { deny, maxConnectionsPerClient: 1 };
  await using world = await Datagrams.start(1, { handler, settings: { ...TRUSTING, access } });
  const client = await world.client();
  client.send(behind(headerOf({ host: "198.51.100.7", port: 1 }), "1"));
  await until("it to be refused", () => world.frontend.counters.refusedTotal === 1);
  assertEquals(await client.ask(behind(headerOf({ host: "203.0.113.1", port: 1 }), "2")), "a:2");
  client.send(behind(headerOf({ host: "203.0.113.1", port: 2 }), "3"));
  await until("it to be refused", () => world.frontend.counters.refusedTotal === 2);
  assertEquals(handler.lines, ["refused 198.51.100.7 denied", "refused 203.0.113.1 client_full"]);
});

test("a header that says LOCAL leaves the sender's own address as the client's", async () => {
  await using world = await Datagrams.start(1, { settings: TRUSTING });
  const client = await world.client();
  const local = encodeProxyHeader({ kind: "local" }, 2);
  assertEquals(await client.ask(behind(Buffer.from(local), "1")), "a:1");
  assertEquals(world.table.list({})[0]?.client, `127.0.0.1:${client.address.port}`);
});

for (const version of [1, 2] as const) {
  test(`every datagram to a backend has a PROXY header of version ${version} in front, if it is asked for`, async () => {
    await using world = await Datagrams.start(1, { settings: { proxyProtocolOut: version } });
    const client = await world.client();
    for (const text of ["1", "2"]) {
      client.send(text);
      await client.next();
    }
    const transport = version === 1 ? "stream" : "datagram";
    for (const [index, datagram] of (world.echoes[0]?.received ?? []).entries()) {
      const { header, rest } = split(datagram);
      assert(header.kind === "relayed");
      assertEquals([header.transport, rest], [transport, `${index + 1}`]);
      assertEquals([header.source, header.destination], [client.address, world.frontend.address]);
    }
    // The header is not the client's.
    assertEquals(world.table.list({})[0]?.traffic.bytesIn, 2);
  });
}

test("a backend that announces that it reads version 2 gets it by itself", async () => {
  await using echo = await Echo.start("a");
  using pool = poolAt([echo.address], "round-robin", [{ proxy: 2 }]);
  await using world = await Datagrams.start(0, { pool });
  const client = await world.client();
  client.send("hello");
  await client.next();
  assertEquals(split(echo.received[0] ?? Buffer.alloc(0)).rest, "hello");
});

test("the client's address survives two balancers in a row, and the replies find their way back", async () => {
  await using last = await Datagrams.start(1, { settings: { ...TRUSTING, proxyProtocolOut: 2 } });
  using tier = poolAt([last.frontend.address]);
  await using first = await Datagrams.start(0, { pool: tier, settings: { proxyProtocolOut: 2 } });
  const client = await first.client();
  client.send("hello");
  await client.next();
  const { header, rest } = split(last.echoes[0]?.received[0] ?? Buffer.alloc(0));
  assert(header.kind === "relayed");
  assertEquals([header.source, header.destination, rest], [client.address, first.frontend.address, "hello"]);
});

test("a datagram that comes through the same balancer a second time is refused as a loop, and the path is told", async () => {
  const handler = record();
  const table = new ConnectionTable();
  using none = poolAt([]);
  const options = {
    listen: HERE,
    table,
    handler,
    nodeId: "n1",
    settings: { ...TRUSTING, proxyProtocolOut: 2 },
  } as const;
  await using frontend = await startUdpFrontend({ ...options, pool: none });
  using itself = poolAt([frontend.address]);
  frontend.redirect(itself);
  await using client = await Asker.connect(frontend.address);
  client.send(behind(headerOf({ host: "198.51.100.7", port: 4000 }), "round and round"));
  await until("the second round to be refused", () => frontend.counters.refused.loop === 1);
  assertEquals(handler.lines, ["refused 198.51.100.7 loop"]);
  assertEquals([handler.details, frontend.counters.total], [["it has come here before: n1>n1"], 2]);
});
