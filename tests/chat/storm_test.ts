import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import * as jose from "jose";
import { openTokenVerifier } from "../../src/chat/account/jwt.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { type ChatServers, chatServers } from "./chat_servers.ts";

const CLIENTS = 1000;
const SECRET = "a-secret-that-has-more-than-32-characters";

/** Tokens of as many users: theirs need no password, whose hashes would take longer than all the rest. */
function tokensFor(count: number): Promise<string[]> {
  const key = new TextEncoder().encode(SECRET);
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      new jose.SignJWT({ sub: `user${index}` })
        .setProtectedHeader({ alg: "HS256" })
        .setExpirationTime("1h")
        .sign(key),
    ),
  );
}

/** Connects and logs in everybody at once. */
function logIn(cluster: ChatServers, server: number, tokens: readonly string[]): Promise<RawClient[]> {
  return Promise.all(
    tokens.map(async (token) => {
      const client = await RawClient.connect(cluster.at(server));
      assertEquals((await client.ask({ type: "login", token })).type, "ok");
      return client;
    }),
  );
}

/** Asks again and again until `isOver`. @returns The longest that an answer took, in milliseconds. */
async function slowestAnswer(client: RawClient, isOver: () => boolean): Promise<number> {
  let slowest = 0;
  while (!isOver()) {
    const asked = performance.now();
    await client.ask({ type: "send", to: "bystander", text: "still answered?" });
    slowest = Math.max(slowest, performance.now() - asked);
  }
  return slowest;
}

/** What this process, which is all of servers and clients, has computed since then, in milliseconds. */
function computedMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

test("1,000 clients whose server has gone come back by token within 10 s of the processor, and who is there is answered meanwhile", {
  timeoutMs: 60_000,
}, async () => {
  const verifier = await openTokenVerifier({ key: SECRET });
  assert(typeof verifier !== "string", String(verifier));
  // Servers and clients take turns in one process: where it gets little of the processor, none of them is slow.
  await using cluster = await chatServers(2, { verifier, limits: { loginTimeoutMs: undefined } });
  await using bystander = await RawClient.login(cluster.at(1), "bystander");
  const tokens = await tokensFor(CLIENTS);
  const before = await logIn(cluster, 0, tokens);
  await cluster.servers[0]?.close();
  await Promise.all(before.map(({ closed }) => closed));
  assert(
    before.every(({ frames }) => frames.at(-1)?.reason === "draining" && frames.at(-1)?.after === CLIENTS),
  );
  let isOver = false;
  const [start, startUsage] = [performance.now(), process.cpuUsage()];
  const [after, slowestMs] = await Promise.all([
    logIn(cluster, 1, tokens).finally(() => {
      isOver = true;
    }),
    slowestAnswer(bystander, () => isOver),
  ]);
  const [tookMs, usedMs] = [performance.now() - start, computedMs(startUsage)];
  assert(usedMs < 10_000, `it took ${usedMs} ms of the processor`);
  assert(slowestMs < Math.max(5000, tookMs / 2), `an answer took ${slowestMs} of ${tookMs} ms`);
  assertEquals(cluster.servers[1]?.sessions, CLIENTS + 1);
  for (const client of after) client.connection.abort();
  await Promise.all(after.map(({ closed }) => closed));
});
