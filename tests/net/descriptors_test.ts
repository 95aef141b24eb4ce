import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { wait, withDeadline } from "../../src/async/mod.ts";
import { descriptorLimit, openDescriptors, openHandles } from "../../src/net/mod.ts";
import { RUNTIME, test } from "../testing.ts";
import { DEADLINE_MS } from "./recording.ts";

const LIMIT = 64;

interface Crowded extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** A server in a process that may open few files. */
async function crowded(kind: string): Promise<Crowded> {
  const file = fileURLToPath(new URL("./descriptors_child.ts", import.meta.url));
  const flags = RUNTIME === "deno" ? ["run", "-q", "-P", "--no-check"] : process.execArgv;
  const command = ["-c", `ulimit -n ${LIMIT}; exec "$@"`, "sh", process.execPath, ...flags, file, kind];
  // It may not have the descriptors to read more than it needs.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn("sh", command, { stdio: ["ignore", "pipe", "inherit"], env });
  const [line] = await withDeadline(once(child.stdout, "data"), DEADLINE_MS, "see a server start");
  const pid = child.pid ?? -1;
  return {
    port: Number(line),
    pid,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      process.kill(pid, "SIGKILL");
      await withDeadline(exited, DEADLINE_MS, "see the server exit");
    },
  };
}

/** A client that has been heard, or undefined if it was turned away. */
async function client(port: number): Promise<Socket | undefined> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  socket.write("x");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("data", () => resolve(true));
  socket.once("end", () => resolve(false));
  socket.once("close", () => resolve(false));
  if (await withDeadline(promise, DEADLINE_MS, "be heard or turned away")) return socket;
  socket.destroy();
  return undefined;
}

interface Figures {
  readonly codes: readonly string[];
  readonly message: string;
  readonly cpuMs: number;
  readonly limit: number;
  readonly open: number;
}

async function figuresOf(socket: Socket): Promise<Figures> {
  socket.write("?");
  const [answer] = await withDeadline(once(socket, "data"), DEADLINE_MS, "hear what was counted");
  return JSON.parse(String(answer));
}

for (const kind of ["node", "system", "paused"]) {
  test(`a listener without descriptors turns clients away, says so, costs nothing, and goes on (${kind})`, async () => {
    await using server = await crowded(kind);
    const clients: Socket[] = [];
    for (let index = 0; index < LIMIT + 10; index++) {
      const heard = await client(server.port);
      if (heard) clients.push(heard);
    }
    const [first] = clients;
    assert(first && clients.length > 10 && clients.length < LIMIT, `${clients.length} were heard`);
    const before = await figuresOf(first);
    assertEquals(before.message, `Cannot accept on 127.0.0.1:${server.port}: descriptors`);
    assertEquals([before.limit, before.open, before.codes[0]], [LIMIT, clients.length + 1, "descriptors"]);
    const started = performance.now();
    await wait(200);
    const after = await figuresOf(first);
    const wallMs = performance.now() - started;
    assert(after.cpuMs - before.cpuMs < wallMs / 2, `${after.cpuMs - before.cpuMs} ms of ${wallMs} ms`);
    assert(after.codes.length <= 3, `told ${after.codes.length} times`);
    for (const each of clients.splice(1, 10)) each.destroy();
    let again: Socket | undefined;
    // They are gone here before the server has heard of it.
    for (let tries = 0; tries < 100 && !again; tries++) again = await client(server.port);
    assert(again, "was to be heard again");
    for (const each of [...clients, again]) each.destroy();
  });
}

for (const kind of ["node", "system", "paused"]) {
  test(`a listener that more clients come to at once than it has descriptors for hears or turns away every one (${kind})`, async () => {
    await using server = await crowded(kind);
    // Meanwhile all of them come to wait.
    process.kill(server.pid, "SIGSTOP");
    const clients = Array.from({ length: 4 * LIMIT }, () => client(server.port));
    await wait(200);
    process.kill(server.pid, "SIGCONT");
    const heard = await Promise.all(
      clients.map(async (each) => {
        const socket = await each;
        socket?.destroy();
        return socket !== undefined;
      }),
    );
    assert(heard.includes(true), "nobody was heard");
    let again: Socket | undefined;
    for (let tries = 0; tries < 100 && !again; tries++) again = await client(server.port);
    assert(again, "was to be heard again");
    again.destroy();
  });
}

test("descriptorLimit() is what the system says, openDescriptors() what is open here", () => {
  assert(Number.isInteger(descriptorLimit()) && descriptorLimit() > 100);
  assertEquals(openDescriptors(), openHandles());
});
