/**
 * Programs that stand between clients and a backend: ours, those of other people, the least that one can be, and nothing.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wait } from "../load/measurement.ts";
import { type Counted, type Running, type RuntimeName, startFile, startProgram } from "../processes.ts";

/** A proxy that takes connections. Disposing ends it. */
export interface Proxy extends AsyncDisposable {
  /** `HOST:PORT` where clients connect. */
  readonly address: string;
  /** Whose processor time and memory are counted. */
  readonly programs: readonly Counted[];
}

/** Starts a proxy before a backend, whose `HOST:PORT` it is given. */
export type StartProxy = (backend: string) => Promise<Proxy>;

/** No proxy at all: the most that load and backend can do. */
export function direct(backend: string): Promise<Proxy> {
  return Promise.resolve({ address: backend, programs: [], [Symbol.asyncDispose]: () => Promise.resolve() });
}

/** The least that a proxy on a runtime is. */
export function control(runtime: RuntimeName): StartProxy {
  return (backend) =>
    announced(startFile("proxy", runtime, "bench/rows/control_proxy.ts", [backend]), /^ready (\S+)$/m);
}

/** `chorus balance` before one backend, as it is without further flags. */
export function ours(runtime: RuntimeName): StartProxy {
  return (backend) => balanceBefore([backend], runtime);
}

/** `chorus balance`, as it is without further flags. */
export function balanceBefore(backends: readonly string[], runtime: RuntimeName): Promise<Proxy> {
  const pool = backends.flatMap((backend) => ["--backend", backend]);
  const args = ["balance", "--listen", "127.0.0.1:0", "--admin", "none", ...pool];
  return announced(startFile("proxy", runtime, "mod.ts", args), /^chorus balance ready tcp=(\S+)/m);
}

/** Waits for the line in which a proxy says where it listens. */
export async function announced(program: Running, pattern: RegExp): Promise<Proxy> {
  try {
    const [, address = ""] = await program.line(pattern);
    return { address, programs: [program], [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Where Debian's packages put it. */
export const NGINX = "/usr/sbin/nginx";
const NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Why there is no nginx with `stream` here; undefined when there is. */
export function nginxMissing(): string | undefined {
  if (!existsSync(NGINX)) return `there is no ${NGINX} (apt-get install nginx libnginx-mod-stream)`;
  if (existsSync(NGINX_STREAM) || hasStreamBuiltIn()) return undefined;
  return `nginx has no ${NGINX_STREAM} (apt-get install libnginx-mod-stream)`;
}

function hasStreamBuiltIn(): boolean {
  const built = execFileSync("sh", ["-c", `${NGINX} -V 2>&1`], { encoding: "utf8" });
  return /--with-stream(\s|$)/.test(built);
}

/** nginx `stream` with one worker before one backend. */
export function nginx(backend: string): Promise<Proxy> {
  return nginxBefore([backend]);
}

/** nginx `stream` with one worker, whose clients go to backends in turn. */
export function nginxBefore(backends: readonly string[]): Promise<Proxy> {
  return configured(
    (port) => `
${existsSync(NGINX_STREAM) ? `load_module ${NGINX_STREAM};` : ""}
daemon off;
pid nginx.pid;
worker_processes 1;
events { worker_connections 16384; }
stream {
  upstream backends {
    ${backends.map((backend) => `server ${backend};`).join("\n    ")}
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    proxy_pass backends;
  }
}
`,
    (file, folder) => startProgram("proxy", NGINX, ["-e", "stderr", "-p", folder, "-c", file]),
  );
}

/** Where Debian's packages put it. */
export const HAPROXY = "/usr/sbin/haproxy";

/** Why there is no HAProxy here; undefined when there is. */
export function haproxyMissing(): string | undefined {
  return existsSync(HAPROXY) ? undefined : `there is no ${HAPROXY} (apt-get install haproxy)`;
}

/** HAProxy in mode tcp with one thread. */
export function haproxy(backend: string): Promise<Proxy> {
  return configured(
    (port) => `
global
  nbthread 1
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen bench
  bind 127.0.0.1:${port} backlog 1024
  server backend ${backend} check
`,
    (file) => startProgram("proxy", HAPROXY, ["-db", "-f", file]),
  );
}

/** Starts a program by a configuration file in a folder of its own, on a port that was free a moment ago. */
async function configured(
  configuration: (port: number) => string,
  start: (file: string, folder: string) => Running,
): Promise<Proxy> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "chorus-bench-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const file = join(folder, "proxy.conf");
  writeFileSync(file, configuration(port));
  const program = opened.use(start(file, folder));
  await acceptsOn(port, program);
  const kept = opened.move();
  return {
    address: `127.0.0.1:${port}`,
    programs: [program],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Tries to connect until it works, since these programs do not say when they are ready. */
async function acceptsOn(port: number, program: Running): Promise<void> {
  const NEVER = /(?!)/;
  const ended = program.line(NEVER);
  for (let tries = 0; tries < 500; tries++) {
    if (await Promise.race([connects(port), ended])) return;
    await wait(10);
  }
  throw new Error(`Cannot measure ${program.role}: nothing accepts connections on port ${port}`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("connect", () => socket.destroy());
    socket.once("error", () => resolve(false));
  });
}
