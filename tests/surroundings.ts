/**
 * What the examples of doc comments count on: a Redis, a chat server and others at their usual places.
 *
 * @module
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import type { Address } from "../src/net/mod.ts";
import { chatServers } from "./chat/chat_servers.ts";
import { temporaryFolder } from "./helpers.ts";
import { authority, certificate } from "./net/certificates.ts";
import { redisServer } from "./redis_server.ts";

/** Starts something that ends with the stack. Gives what is to be written in the example for it: a path or a port. */
type Start = (stack: AsyncDisposableStack) => string | Promise<string>;

const FOLDERS: Readonly<Record<string, Start>> = {
  "/var/lib/chorus": (stack) => stack.use(temporaryFolder()).path,
  "/etc/chorus": certificates,
};

/** At ports of 127.0.0.1. */
const SERVERS: Readonly<Record<string, Start>> = {
  6379: async (stack) => `${stack.use(await redisServer()).port}`,
  7000: async (stack) => portOf((await chat(stack)).at(0)),
  7080: async (stack) => portOf((await chat(stack)).webAt(0)),
  7443: tlsEcho,
  27015: udpEcho,
};

/**
 * Starts what an example names.
 *
 * @returns The example with the real places in it.
 */
export async function withSurroundings(code: string, stack: AsyncDisposableStack): Promise<string> {
  let placed = code;
  for (const [path, start] of Object.entries(FOLDERS))
    if (code.includes(path)) placed = placed.replaceAll(path, await start(stack));
  for (const [port, start] of Object.entries(SERVERS)) {
    const place = new RegExp(`(127\\.0\\.0\\.1(?::|", port: ))${port}\\b`, "g");
    if (!place.test(code)) continue;
    const real = await start(stack);
    placed = placed.replaceAll(place, (_, host) => `${host}${real}`);
  }
  return placed;
}

function chat(stack: AsyncDisposableStack): ReturnType<typeof chatServers> {
  return chatServers(1, { trusted: ["127.0.0.1"], web: {} }).then((servers) => stack.use(servers));
}

/** A folder with a certificate for `localhost`, its key, and the authority that has signed it. */
async function certificates(stack: AsyncDisposableStack): Promise<string> {
  const { path } = stack.use(temporaryFolder());
  const { certificate: signed, key } = await certificate(["localhost"]);
  writeFileSync(join(path, "server.pem"), signed);
  writeFileSync(join(path, "server.key"), key);
  writeFileSync(join(path, "ca.pem"), (await authority()).certificate);
  return path;
}

async function tlsEcho(stack: AsyncDisposableStack): Promise<string> {
  const { certificate: cert, key } = await certificate(["localhost"]);
  const server = createServer({ cert, key }, (socket) => socket.pipe(socket));
  stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return portOf(server.address());
}

async function udpEcho(stack: AsyncDisposableStack): Promise<string> {
  const socket = createSocket("udp4");
  socket.on("message", (datagram, from) => socket.send(datagram, from.port, from.address));
  stack.defer(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  await once(socket.bind(0, "127.0.0.1"), "listening");
  return portOf(socket.address());
}

function portOf(address: Address | AddressInfo | string | null): string {
  if (address === null || typeof address === "string" || !("port" in address))
    throw new TypeError(`Cannot tell the port of ${JSON.stringify(address)}`);
  return `${address.port}`;
}
