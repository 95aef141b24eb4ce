import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ManualClock, withDeadline } from "../../src/async/mod.ts";
import {
  type Connection,
  connectTls,
  type NetError,
  openHandles,
  TlsClientContext,
  type TlsClientOptions,
  tlsCarrierDriver,
} from "../../src/net/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { RUNTIME, test } from "../testing.ts";
import { authority, certificate } from "./certificates.ts";
import { DEADLINE_MS, Recorder } from "./recording.ts";

interface Greeted {
  readonly name: string | undefined;
  readonly authorized: boolean;
  readonly alpn: string | false | null;
}

interface Backend extends AsyncDisposable {
  readonly port: number;
  /** What each client has shown of itself and agreed on. */
  readonly clients: Greeted[];
}

async function listening(server: Server): Promise<number> {
  const ready = once(server, "listening");
  server.listen(0, "127.0.0.1");
  await ready;
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  return address.port;
}

/** A TLS server that echoes. */
async function echoBackend(
  names: readonly string[],
  options: TlsOptions & { days?: number } = {},
): Promise<Backend> {
  const { days, ...tlsOptions } = options;
  const { certificate: cert, key } = await certificate(names, days === undefined ? {} : { days });
  const clients: Greeted[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ cert, key, allowHalfOpen: true, ...tlsOptions }, (socket) => {
    const { authorized, alpnProtocol: alpn } = socket;
    clients.push({ name: subjectOf(socket), authorized, alpn });
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  // Those of handshakes that fail too: nobody else would close them.
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("tlsClientError", (_, socket) => socket.destroy());
  const port = await listening(server);
  return {
    port,
    clients,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await closed(server);
    },
  };
}

function subjectOf(socket: TLSSocket): string | undefined {
  const name = socket.getPeerCertificate().subject?.CN;
  return name === undefined ? undefined : String(name);
}

function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  return withDeadline(done, DEADLINE_MS, "close a server");
}

async function clientContext(options: TlsClientOptions = {}): Promise<TlsClientContext> {
  const context = TlsClientContext.create({ ca: (await authority()).certificate, ...options });
  if (typeof context === "string") throw new Error(context);
  return context;
}

async function dialed(port: number, clock?: ManualClock): Promise<Connection> {
  return await tlsCarrierDriver(clock ? { clock } : {}).connect({ host: "127.0.0.1", port }, new Recorder());
}

/** Says hello to a backend and hears it again. */
async function echoed(port: number, options: TlsClientOptions = {}, host = "127.0.0.1"): Promise<void> {
  const connection = await connectTls(await dialed(port), await clientContext(options), { host });
  const recorder = new Recorder();
  connection.handle(recorder);
  connection.write(new TextEncoder().encode("hello"));
  connection.end();
  assertEquals((await recorder.closed).reason, "finished");
  assertEquals(recorder.text, "hello");
}

/** The error that connecting fails with. */
async function refusal(port: number, options: TlsClientOptions = {}, host = "127.0.0.1"): Promise<NetError> {
  try {
    await echoed(port, options, host);
  } catch (error) {
    return error as NetError;
  }
  throw new Error("was not refused");
}

test("connectTls() trusts a server whose certificate is for its address", async () => {
  await using backend = await echoBackend(["backend.test", "127.0.0.1"]);
  await echoed(backend.port);
});

test("connectTls() asks for the server name and trusts a certificate for it, a wildcard too", async () => {
  const asked: string[] = [];
  await using backend = await echoBackend(["*.example.test"], {
    SNICallback: (name, choose) => {
      asked.push(name);
      choose(null);
    },
  });
  await echoed(backend.port, { serverName: "chat.example.test" });
  await echoed(backend.port, {}, "web.example.test");
  assertEquals(asked, ["chat.example.test", "web.example.test"]);
});

test("connectTls() speaks after what was written before, such as a PROXY header", async () => {
  const before = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
  const { certificate: cert, key } = await certificate(["127.0.0.1"]);
  const secure = createServer({ cert, key, allowHalfOpen: true }, (socket) => void socket.pipe(socket));
  let header = "";
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.once("data", (chunk) => {
      socket.pause();
      header = String(chunk.subarray(0, before.length));
      socket.unshift(chunk.subarray(before.length));
      secure.emit("connection", socket);
    });
  });
  const port = await listening(server);
  const carrier = await dialed(port);
  carrier.write(new TextEncoder().encode(before));
  const connection = await connectTls(carrier, await clientContext(), { host: "127.0.0.1" });
  const recorder = new Recorder();
  connection.handle(recorder);
  connection.write(new TextEncoder().encode("hello"));
  connection.end();
  assertEquals((await recorder.closed).reason, "finished");
  assertEquals([header, recorder.text], [before, "hello"]);
  await closed(server);
});

test("connectTls() refuses a certificate for another name or address", async () => {
  await using backend = await echoBackend(["backend.test"]);
  const errors = [
    await refusal(backend.port),
    await refusal(backend.port, { serverName: "other.test" }),
    await refusal(backend.port, {}, "deep.backend.test"),
  ];
  assertEquals(
    errors.map(({ code }) => code),
    ["tls", "tls", "tls"],
  );
  assertMatch(errors[0]?.message ?? "", /^Cannot speak TLS with 127\.0\.0\.1:\d+: /);
});

test("connectTls() refuses a certificate of an authority that it does not know", async () => {
  await using backend = await echoBackend(["127.0.0.1"]);
  const { certificate: ca } = await authority("another authority");
  assertEquals((await refusal(backend.port, { ca })).code, "tls");
});

test("connectTls() refuses a certificate that has run out", async () => {
  await using backend = await echoBackend(["127.0.0.1"], { days: -1 });
  assertEquals((await refusal(backend.port)).code, "tls");
});

test("connectTls() takes any certificate where nothing is verified", async () => {
  await using backend = await echoBackend(["other.test"], { days: -1 });
  const { certificate: ca } = await authority("another authority");
  await echoed(backend.port, { ca, verify: false });
});

test("connectTls() shows its identity to a server that asks for one", async () => {
  const { certificate: ca } = await authority();
  await using backend = await echoBackend(["127.0.0.1"], { requestCert: true, rejectUnauthorized: true, ca });
  await echoed(backend.port, { identity: await certificate(["balancer.test"]) });
  assertEquals(backend.clients, [{ name: "balancer.test", authorized: true, alpn: false }]);
});

test("connectTls() agrees on an application protocol", async () => {
  await using backend = await echoBackend(["127.0.0.1"], { ALPNProtocols: ["chat/1", "chat/2"] });
  await echoed(backend.port, { alpn: ["chat/2"] });
  assertEquals(
    backend.clients.map(({ alpn }) => alpn),
    ["chat/2"],
  );
});

test("connectTls() refuses a server of an older version than it allows", async () => {
  await using backend = await echoBackend(["127.0.0.1"], { maxVersion: "TLSv1.2" });
  assertEquals((await refusal(backend.port, { minVersion: "1.3" })).code, "tls");
  await echoed(backend.port, { minVersion: "1.2" });
});

test("connectTls() rejects with tls where the server speaks none, or leaves", async () => {
  const answers = ["220 ready\r\n", ""];
  const server = createTcpServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.resume();
    socket.end(answers.shift() ?? "");
  });
  const port = await listening(server);
  assertEquals([(await refusal(port)).code, (await refusal(port)).code], ["tls", "tls"]);
  await closed(server);
});

test("connectTls() rejects with timeout where the server says nothing, and with the signal's reason", async () => {
  const clock = new ManualClock();
  const handles = openHandles();
  const server = createTcpServer((socket) => void socket.resume().on("error", () => socket.destroy()));
  const port = await listening(server);
  const context = await clientContext();
  const options = { host: "127.0.0.1", timeoutMs: 500 };
  const late = connectTls(await dialed(port, clock), context, options);
  clock.advance(500);
  assertEquals(await late.catch(({ code }: NetError) => code), "timeout");
  const reason = new Error("no longer wanted");
  const controller = new AbortController();
  const ended = connectTls(await dialed(port, clock), context, { ...options, signal: controller.signal });
  controller.abort(reason);
  assertEquals(await ended.catch((error: unknown) => error), reason);
  const { signal } = controller;
  const never = connectTls(await dialed(port, clock), context, { ...options, signal });
  assertEquals(await never.catch((error: unknown) => error), reason);
  while (openHandles() > handles) await nextTurn();
  assertEquals(clock.pending, 0);
  await closed(server);
});

test("connectTls() trusts the authorities of the system", async () => {
  await using backend = await echoBackend(["127.0.0.1"]);
  using folder = temporaryFolder();
  const file = join(folder.path, "ca.pem");
  writeFileSync(file, (await authority()).certificate);
  const child = fileURLToPath(new URL("./tls_client_child.ts", import.meta.url));
  const args = RUNTIME === "deno" ? ["run", "-q", "-P", "--no-check", child] : [...process.execArgv, child];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, String(backend.port)], {
    env: { ...process.env, SSL_CERT_FILE: file, SSL_CERT_DIR: folder.path },
    timeout: DEADLINE_MS,
  });
  assertEquals(stdout, "trusted\n");
});
