import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/async/mod.ts";
import {
  acceptTls,
  memoryNetwork,
  NetError,
  TlsServerContext,
  type TlsServerOptions,
} from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import { certificate } from "./certificates.ts";
import { Recorder } from "./recording.ts";
import { tamperingProxy } from "./tampering_proxy.ts";
import { gone, tcpClient, tlsClient, tlsListener } from "./tls_listener.ts";

/** A context of certificates for these names, each of its own. */
async function serverContext(
  names: readonly (readonly string[])[] = [["localhost", "127.0.0.1"]],
  options: Omit<TlsServerOptions, "certificates"> = {},
): Promise<TlsServerContext> {
  const certificates = await Promise.all(names.map((each) => certificate(each)));
  const context = TlsServerContext.create({ certificates, ...options });
  if (typeof context === "string") throw new Error(context);
  return context;
}

const anybody = { checkServerIdentity: () => undefined };

/** The subject of the certificate that a server shows to whoever asks for a name. */
async function shownTo(serverName: string, address: { host: string; port: number }): Promise<string> {
  const client = await tlsClient(address, { servername: serverName, ...anybody });
  const { subject } = client.getPeerCertificate();
  client.destroy();
  return String(subject.CN);
}

test("acceptTls() shows each client the certificate for the name that it asks for, the first one to all others", async () => {
  const context = await serverContext([
    ["first.test", "127.0.0.1"],
    ["second.test", "Third.test"],
    ["*.wild.test"],
    ["second.test", "exact.wild.test"],
  ]);
  await using listener = await tlsListener(context);
  const shown: Record<string, string> = {};
  const names = [
    "second.test",
    "THIRD.test",
    "a.wild.test",
    "exact.wild.test",
    "a.b.wild.test",
    "wild.test",
    "",
  ];
  for (const name of names) shown[name] = await shownTo(name, listener.address);
  assertEquals(shown, {
    "second.test": "second.test",
    "THIRD.test": "second.test",
    "a.wild.test": "*.wild.test",
    "exact.wild.test": "second.test",
    "a.b.wild.test": "first.test",
    "wild.test": "first.test",
    "": "first.test",
  });
});

test("acceptTls() tells the server name, the version and the application protocol", async () => {
  await using listener = await tlsListener(
    await serverContext([["localhost"]], { alpn: ["chat/2", "chat/1"] }),
  );
  const named = await tlsClient(listener.address, {
    servername: "localhost",
    ALPNProtocols: ["chat/1", "chat/2"],
  });
  const unnamed = await tlsClient(listener.address, { ...anybody, servername: "", maxVersion: "TLSv1.2" });
  const outcomes = [await listener.accepted(), await listener.accepted()];
  assertEquals(
    outcomes.map(({ serverName, protocol, alpn }) => [serverName, protocol, alpn]),
    [
      ["localhost", "TLSv1.3", "chat/2"],
      [undefined, "TLSv1.2", undefined],
    ],
  );
  named.destroy();
  unnamed.destroy();
});

test("acceptTls() refuses a client that speaks none of the application protocols", async () => {
  await using listener = await tlsListener(await serverContext([["localhost"]], { alpn: ["chat/2"] }));
  const client = tlsClient(listener.address, { servername: "localhost", ALPNProtocols: ["h2"] });
  const [code, refused] = await Promise.all([listener.failure(), client.catch((error: Error) => error)]);
  assertEquals([code, refused instanceof Error], ["tls", true]);
});

test("acceptTls() refuses a client of an older version than it allows", async () => {
  await using listener = await tlsListener(await serverContext([["localhost"]], { minVersion: "1.3" }));
  const client = tlsClient(listener.address, { servername: "localhost", maxVersion: "TLSv1.2" });
  const [code, refused] = await Promise.all([listener.failure(), client.catch((error: Error) => error)]);
  assertEquals([code, refused instanceof Error], ["tls", true]);
});

for (const [what, headBytes] of Object.entries({ "one byte": 1, "a part": 100, "the whole": 200 })) {
  test(`acceptTls() goes on where ${what} of the client's greeting was read before`, async () => {
    await using listener = await tlsListener(await serverContext(), { headBytes });
    const client = await tlsClient(listener.address, { servername: "localhost" });
    client.end("hello");
    const { connection, recorder, serverName } = await listener.accepted();
    await recorder.ended;
    assertEquals([recorder.text, serverName], ["hello", "localhost"]);
    client.resume();
    connection.end();
    assertEquals((await recorder.closed).reason, "finished");
  });
}

test("acceptTls() goes on where the greeting comes in two records and single bytes", async () => {
  await using listener = await tlsListener(await serverContext(), { headBytes: 70 });
  await using proxy = await tamperingProxy(listener.address);
  const client = await tlsClient(proxy.address, { servername: "localhost" });
  client.write("hello");
  const { recorder, serverName } = await listener.accepted();
  await recorder.received(5);
  assertEquals([recorder.text, serverName], ["hello", "localhost"]);
  client.destroy();
});

test("acceptTls() rejects with tls where the client speaks no TLS, and closes", async () => {
  await using listener = await tlsListener(await serverContext());
  const client = await tcpClient(listener.address);
  client.resume();
  client.write("GET / HTTP/1.1\r\n\r\n");
  assertEquals(await listener.failure(), "tls");
  await gone(client);
});

for (const how of ["destroy", "resetAndDestroy", "end"] as const) {
  test(`acceptTls() rejects with tls where the client leaves in the handshake (${how})`, async () => {
    await using listener = await tlsListener(await serverContext());
    const client = await tcpClient(listener.address);
    client.resume();
    // The head of a greeting that never goes on.
    client.write(Uint8Array.of(0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc));
    client[how]();
    assertEquals(await listener.failure(), "tls");
    client.destroy();
  });
}

test("acceptTls() rejects with timeout where the client says nothing for as long as it may", async () => {
  const clock = new ManualClock();
  await using listener = await tlsListener(await serverContext(), { clock, timeoutMs: 700 });
  const client = await tcpClient(listener.address);
  const failure = listener.failure();
  while (clock.pending === 0) await nextTurn();
  clock.advance(699);
  assertEquals(clock.pending, 1);
  clock.advance(1);
  assertEquals(await failure, "timeout");
  await gone(client);
});

test("acceptTls() rejects with the signal's reason", async () => {
  const controller = new AbortController();
  await using listener = await tlsListener(await serverContext(), { signal: controller.signal });
  const client = await tcpClient(listener.address);
  const early = listener.next();
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  assertEquals(await early, reason);
  const late = connect(listener.address.port, listener.address.host);
  late.on("error", () => late.destroy());
  assertEquals(await listener.next(), reason);
  await Promise.all([gone(client), gone(late)]);
});

test("bytes after the handshake that are no TLS end the connection as failed", async () => {
  await using listener = await tlsListener(await serverContext());
  await using proxy = await tamperingProxy(listener.address);
  const client = await tlsClient(proxy.address, { servername: "localhost" });
  client.on("error", () => client.destroy());
  client.write("hello");
  const { recorder } = await listener.accepted();
  await recorder.received(5);
  proxy.inject("this is no record of TLS");
  const { reason, error } = await recorder.closed;
  assertEquals([reason, error instanceof NetError && error.code], ["failed", "unknown"]);
  client.destroy();
});

test("TlsServerContext.update() is for new handshakes; live connections go on", async () => {
  const context = await serverContext([["old.test", "localhost"]]);
  await using listener = await tlsListener(context);
  const client = await tlsClient(listener.address, { servername: "localhost" });
  const { recorder } = await listener.accepted();
  assertEquals(context.update({ certificates: [await certificate(["new.test", "localhost"])] }), undefined);
  assertEquals(await shownTo("localhost", listener.address), "new.test");
  assertEquals(context.update({ certificates: [] }), "no certificate is given");
  assertEquals(await shownTo("localhost", listener.address), "new.test");
  client.write("still here");
  await recorder.received(10);
  client.destroy();
});

test("acceptTls() refuses a connection that has ended, and one that no TLS can be spoken over", async () => {
  const context = await serverContext();
  const { driver } = memoryNetwork();
  await using listener = await driver.listen({ host: "10.0.0.1", port: 1 }, () => new Recorder());
  const one = new Recorder();
  const connection = await driver.connect(listener.address, one);
  const refused = await acceptTls(connection, context).catch((error: unknown) => error);
  assert(refused instanceof TypeError);
  const again = await acceptTls(connection, context).catch((error: { code: string }) => error.code);
  assertEquals(again, "closed");
});
