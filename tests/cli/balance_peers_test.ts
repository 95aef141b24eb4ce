import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withDeadline } from "../../src/async/mod.ts";
import { DEADLINE_MS, eventually, temporaryFolder } from "../helpers.ts";
import { authority, certificate } from "../net/certificates.ts";
import { test } from "../testing.ts";
import { backendProcess } from "./backends.ts";
import { freePort, run, sClient, startPeer, without } from "./peers.ts";
import { startProgram } from "./program.ts";

/** Starts a balancer with a configuration; its frontends listen on free ports. */
async function startConfigured(folder: string, configuration: object) {
  const file = join(folder, "chorus.json");
  writeFileSync(file, JSON.stringify({ ...configuration, admin: { listen: "127.0.0.1:0" } }));
  const program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  const parts = await program.ready();
  const response = await fetch(`http://${parts.admin}/api/frontends`);
  const { frontends } = (await response.json()) as { frontends: { name: string; address: string }[] };
  const addressOf = (name: string): string => frontends.find((each) => each.name === name)?.address ?? "";
  return { program, addressOf, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

test("HTTP from wrk comes through without an error", { skip: without("wrk") }, async () => {
  await using one = await backendProcess("a");
  await using two = await backendProcess("b");
  using folder = temporaryFolder();
  await using balancer = await startConfigured(folder.path, {
    frontends: { web: { listen: "127.0.0.1:0", pool: "web" } },
    pools: { web: { backends: [one.address, two.address], heartbeat: { kind: "http" } } },
  });
  const report = await run("wrk", ["-t1", "-c20", "-d1s", `http://${balancer.addressOf("web")}/`]);
  assert(/(?<count>\d+) requests in/.test(report), report);
  assertEquals(/Non-2xx|Socket errors: (?!connect 0, read 0, write 0, timeout 0)/.exec(report), null, report);
});

test("openssl s_client speaks TLS to the balancer: its certificate by server name, its bytes to a backend", {
  skip: without("openssl"),
}, async () => {
  await using backend = await backendProcess("a");
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "authority.pem"), (await authority()).certificate);
  for (const name of ["first.test", "second.test"]) {
    const made = await certificate([name]);
    writeFileSync(join(folder.path, `${name}.pem`), made.certificate);
    writeFileSync(join(folder.path, `${name}.key`), made.key);
  }
  const certificates = ["first.test", "second.test"].map((name) => ({
    certificate: `${name}.pem`,
    key: `${name}.key`,
  }));
  await using balancer = await startConfigured(folder.path, {
    frontends: { secure: { listen: "127.0.0.1:0", pool: "main", tls: { certificates } } },
    pools: { main: { backends: [backend.address] } },
  });
  const ask = (...flags: string[]) => sClient(balancer.addressOf("secure"), "WHO\n", "a\n", flags);
  const second = await ask("-servername", "second.test", "-CAfile", join(folder.path, "authority.pem"));
  assertStringIncludes(second, "Verify return code: 0 (ok)");
  assertStringIncludes(await ask("-servername", "other.test", "-tls1_2"), "Protocol  : TLSv1.2");
  const old = await ask("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0");
  assertStringIncludes(old, "Cipher is (NONE)");
});

test("a real nginx logs the client's own address, told by PROXY v2", { skip: without("nginx") }, async () => {
  using folder = temporaryFolder();
  const port = await freePort();
  mkdirSync(join(folder.path, "logs"));
  const log = join(folder.path, "access.log");
  const settings = `
    pid ${folder.path}/nginx.pid; error_log stderr; daemon off; worker_processes 1; master_process off;
    events { worker_connections 64; }
    http {
      client_body_temp_path ${folder.path}/b; proxy_temp_path ${folder.path}/p; fastcgi_temp_path ${folder.path}/f;
      uwsgi_temp_path ${folder.path}/u; scgi_temp_path ${folder.path}/s;
      log_format who '$proxy_protocol_addr'; access_log ${log} who;
      server { listen 127.0.0.1:${port} proxy_protocol; return 200 "nginx\\n"; }
    }`;
  writeFileSync(join(folder.path, "nginx.conf"), settings);
  await using _nginx = await startPeer(
    "nginx",
    ["-p", folder.path, "-c", join(folder.path, "nginx.conf")],
    port,
  );
  await using balancer = await startConfigured(folder.path, {
    frontends: { web: { listen: "127.0.0.1:0", pool: "web" } },
    pools: {
      web: { backends: [`127.0.0.1:${port}`], proxyProtocol: "v2", heartbeat: { kind: "http" } },
    },
  });
  assertEquals(await get(balancer.addressOf("web"), "127.0.0.77"), "nginx\n");
  await eventually("the client in nginx' log", async () =>
    readFileSync(log, "utf8").includes("127.0.0.77\n"),
  );
});

test("a real HAProxy before the balancer tells it the client, and one behind it hears", {
  skip: without("haproxy"),
}, async () => {
  using folder = temporaryFolder();
  const [before, behind] = [await freePort(), await freePort()];
  await using backend = await backendProcess("a");
  await using balancer = await startConfigured(folder.path, {
    frontends: {
      web: {
        listen: "127.0.0.1:0",
        pool: "web",
        proxyProtocol: { trusted: ["127.0.0.0/8"] },
        access: { deny: ["127.0.0.66"] },
      },
    },
    pools: { web: { backends: [`127.0.0.1:${behind}`], proxyProtocol: "v2" } },
  });
  const file = join(folder.path, "haproxy.cfg");
  const settings = `
defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
listen before
  bind 127.0.0.1:${before}
  server balancer ${balancer.addressOf("web")} send-proxy-v2
frontend behind
  bind 127.0.0.1:${behind} accept-proxy
  mode http
  http-request return status 200 content-type text/plain lf-string "%[src]" if { path / }
  default_backend real
backend real
  mode http
  server real ${backend.address}
`;
  writeFileSync(file, settings);
  await using _haproxy = await startPeer("haproxy", ["-db", "-f", file], before);
  assertEquals(await get(`127.0.0.1:${before}`, "127.0.0.78"), "127.0.0.78");
  assertEquals(await get(`127.0.0.1:${before}`, "127.0.0.66"), "");
});

/** Asks for a page from an address of the loopback. Gives the body; empty when the connection was closed. */
async function get(address: string, from: string): Promise<string> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port), localAddress: from });
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  // A reset ends it, too; `once` would reject with it.
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  await withDeadline(closed, DEADLINE_MS, "see the end of the answer");
  return text.split("\r\n\r\n")[1] ?? "";
}

test("dig asks a DNS server over UDP through the balancer", { skip: without("dig") }, async () => {
  await using server = await dnsServer("192.0.2.53");
  using folder = temporaryFolder();
  await using balancer = await startConfigured(folder.path, {
    frontends: { dns: { listen: "127.0.0.1:0", pool: "dns", transport: "udp" } },
    pools: { dns: { backends: [`127.0.0.1:${server.port}`], heartbeat: { kind: "none" } } },
  });
  const [host = "", port = ""] = balancer.addressOf("dns").split(":");
  const answer = await run("dig", [
    `@${host}`,
    "-p",
    port,
    "+short",
    "+tries=3",
    "+time=2",
    "chorus.test",
    "A",
  ]);
  assertEquals(answer, "192.0.2.53\n");
});

/** A DNS server that knows one address and gives it for every name. */
async function dnsServer(address: string) {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split(".").map(Number)]);
    socket.send(Buffer.concat([header, query.subarray(12, end), record]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}
