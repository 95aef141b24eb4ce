/**
 * Programs of others that the balancer is tried with: started when they are installed.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { promisify } from "node:util";
import { wait, withDeadline } from "../../src/async/mod.ts";
import { systemDriver } from "../../src/net/mod.ts";
import { DEADLINE_MS } from "../helpers.ts";
import { randomPort } from "../redis_process.ts";

/** Why a test that needs these programs does not run here; undefined to run it. */
export function without(...programs: readonly string[]): string | undefined {
  const absent = programs.filter(
    (program) => spawnSync(program, ["-v"], { stdio: "ignore" }).error !== undefined,
  );
  return absent.length > 0 ? `${absent.join(" and ")} not installed; npm run setup brings it` : undefined;
}

/** Runs a program to its end and gives what it wrote to standard output. @throws {Error} when it fails. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: DEADLINE_MS, encoding: "utf8" });
  return stdout;
}

/** Says something by `openssl s_client` and waits until `answer` comes, or the program ends. */
export async function sClient(
  address: string,
  text: string,
  answer: string,
  flags: readonly string[],
): Promise<string> {
  const child = spawn("openssl", ["s_client", "-connect", address, ...flags]);
  const exited = once(child, "exit");
  let output = "";
  const answered = new Promise<void>((resolve) => {
    const collect = (chunk: Buffer): void => {
      output += chunk;
      if (output.endsWith(answer)) resolve();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
  });
  child.stdin.on("error", () => undefined);
  child.stdin.write(text);
  await withDeadline(Promise.race([answered, exited]), DEADLINE_MS, `hear from openssl: ${output}`);
  child.stdin.end();
  await exited;
  return output;
}

/** A port of the loopback that was free a moment ago, and that nobody is given meanwhile who asks for any. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomPort();
    const server = createServer();
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    } catch {
      // Somebody has it.
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("Cannot find a free port: 100 were taken");
}

/** A program of others in the foreground. Disposing ends it. */
export async function startPeer(
  program: string,
  args: readonly string[],
  port: number,
): Promise<AsyncDisposable & { readonly output: () => string }> {
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output += chunk;
  });
  await listening(
    port,
    () => child.exitCode,
    () => output,
  );
  return {
    output: () => output,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) process.kill(child.pid ?? -1, "SIGTERM");
      await exited;
    },
  };
}

/** Waits until somebody listens there. */
async function listening(port: number, exitCode: () => number | null, output: () => string): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    if (exitCode() !== null) throw new Error(`the program ended: ${output()}`);
    try {
      const ignore = { data: () => undefined, close: () => undefined };
      (await systemDriver().connect({ host: "127.0.0.1", port }, ignore)).close();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await wait(20);
    }
  }
}
