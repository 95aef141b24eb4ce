import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import process from "node:process";
import { promisify } from "node:util";
import { assert, assertEquals } from "@std/assert";
import { type Child, startChild } from "../../src/server/mod.ts";
import { RUNTIME, test } from "../testing.ts";

const ECHO = new URL("./echo_child.ts", import.meta.url).href;

function next(child: Child, topic: string): Promise<unknown> {
  return new Promise((resolve) => child.channel.on(topic, resolve));
}

test("startChild() runs a module on this runtime with its arguments", async () => {
  const child = await startChild(ECHO, ["--one", "two"]);
  assertEquals(await next(child, "args"), ["--one", "two"]);
  child.kill("SIGKILL");
  assertEquals(await child.exited, { signal: "SIGKILL" });
});

test("startChild() has the heap of a sparing child grow in small steps, and tells it its arguments all the same", async () => {
  const child = await startChild(ECHO, ["--one"], "sparing");
  assertEquals(await next(child, "args"), ["--one"]);
  const [flag, where] =
    RUNTIME === "bun" ? ["BUN_JSC_forceRAMSize=33554432", "environ"] : ["--max-semi-space-size=4", "cmdline"];
  // Deno reads no such file itself, unless it may do all.
  const { stdout: told } = await promisify(execFile)("cat", [`/proc/${child.pid}/${where}`]);
  assert(told.includes(flag), `${flag} is not in ${told}`);
  child.kill("SIGKILL");
  await child.exited;
});

test("a channel carries bytes and nested values as they are", async () => {
  const child = await startChild(ECHO, []);
  const body = { bytes: new Uint8Array([0, 10, 255]), list: [{ text: "a\0b\u{1F600}" }, null, 1.5] };
  child.channel.send("echo", body);
  const answer = (await next(child, "echo")) as typeof body;
  assertEquals([...answer.bytes], [0, 10, 255]);
  assertEquals(answer.list, body.list);
  child.kill("SIGKILL");
  await child.exited;
});

test("a channel keeps the order of a thousand messages, those before the handler included", async () => {
  const child = await startChild(ECHO, []);
  for (let index = 0; index < 1000; index++) child.channel.send("echo", index);
  const seen: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    child.channel.on("echo", (body) => {
      seen.push(body);
      if (seen.length === 1000) resolve();
    });
  });
  await all;
  assertEquals(
    seen,
    Array.from({ length: 1000 }, (_, index) => index),
  );
  child.kill("SIGKILL");
  await child.exited;
});

test("a connection handed to a child is answered there, with the bytes that came before", async () => {
  const child = await startChild(ECHO, []);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    child.channel.send("connection", "child", socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const client = connect(address.port, "127.0.0.1");
  client.write("hello");
  const [answer] = await once(client, "data");
  assertEquals(String(answer), "child: hello");
  client.destroy();
  server.close();
  child.kill("SIGKILL");
  await child.exited;
});

test("a child's exit code is reported and closes its channel", async () => {
  const child = await startChild(ECHO, []);
  child.channel.send("exit", 7);
  assertEquals(await child.exited, { code: 7 });
  await child.channel.closed;
  assertEquals(child.channel.send("echo", 1), false);
});

test("a signal to a child that has ended just now does nothing", async () => {
  for (let round = 0; round < 25; round++) {
    const child = await startChild(ECHO, []);
    await next(child, "args");
    const signaled = new Promise<void>((resolve) => {
      process.once("SIGUSR2", () => {
        child.kill("SIGCONT");
        resolve();
      });
    });
    // Both at once: the system may know of its end before the runtime tells.
    execFile("sh", ["-c", `kill -KILL ${child.pid}; kill -USR2 ${process.pid}`]);
    await Promise.all([child.exited, signaled]);
  }
});

test("a child sees its channel close when its parent is killed", async () => {
  const parent = await startChild(new URL("./orphan_parent.ts", import.meta.url).href, [ECHO]);
  const orphan = Number(await next(parent, "pid"));
  parent.kill("SIGKILL");
  await parent.exited;
  while (isAlive(orphan)) await new Promise((resolve) => setTimeout(resolve, 10));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
