/**
 * Many clients who lose their server at once, and one who stays. Run as a process of its own, with the name of a file that has a
 * {@linkcode StormWork} in its first argument. Prints `connected`, and when everybody who was lost is back a {@linkcode StormResult} as JSON.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import {
  type Address,
  type ChatClient,
  ChatError,
  connectChat,
  parseAddress,
  systemDriver,
  tcpDial,
} from "../../mod.ts";
import { BYSTANDERS, type StormResult, type StormWork } from "./contract.ts";
import { percentile } from "./measurement.ts";

const work = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as StormWork;
const addresses = work.addresses.map(toAddress);
/** When the first client was lost, and how long after that each was back. */
let lostAt: number | undefined;
const backMs: number[] = [];
let lost = 0;
const everybody = Promise.withResolvers<void>();

/** Somebody who only watches. */
interface Bystander {
  readonly name: string;
  readonly client: ChatClient;
}

function toAddress(text: string): Address {
  const parsed = parseAddress(text);
  if (typeof parsed === "string") throw new TypeError(parsed);
  return parsed;
}

/** Connects a user to the first of the addresses that answers, beginning with one. */
function connect(
  token: string,
  first: number,
  handler: { online?(): void; offline?(): void } = {},
): Promise<ChatClient> {
  const order = [...addresses.slice(first), ...addresses.slice(0, first)] as [Address, ...Address[]];
  return connectChat({ dial: tcpDial(systemDriver(), order), credentials: { token }, handler });
}

function lose(): void {
  lostAt ??= performance.now();
  lost += 1;
}

function comeBack(): void {
  if (lostAt === undefined) return;
  backMs.push(performance.now() - lostAt);
  // Of several servers only the victim's clients are lost.
  if (backMs.length >= lost && lost >= work.least) everybody.resolve();
}

/**
 * Asks one question after the other as long as the storm lasts.
 *
 * @returns The longest that an answer took, in milliseconds; undefined for who was on the server that died.
 */
async function slowestAnswer({ client, name }: Bystander): Promise<number | undefined> {
  let slowest = 0;
  let isOver = false;
  void everybody.promise.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const asked = performance.now();
    try {
      await client.signal(name, "still there?");
    } catch (error) {
      if (error instanceof ChatError && error.code === "unavailable") return undefined;
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - asked);
  }
  return slowest;
}

const bystanderAccounts = work.accounts.slice(0, BYSTANDERS);
const others = work.accounts.slice(BYSTANDERS);
for (let start = 0; start < others.length; start += 100) {
  const some = others.slice(start, start + 100);
  await Promise.all(some.map(({ token }) => connect(token, 0, { online: comeBack, offline: lose })));
}
const bystanders: Bystander[] = [];
for (const { name, token } of bystanderAccounts)
  bystanders.push({ name, client: await connect(token, addresses.length - 1) });
process.stdout.write("connected\n");
const slowest = Promise.all(bystanders.map(slowestAnswer));
await everybody.promise;
const sorted = Float64Array.from(backMs).sort();
const result: StormResult = {
  clients: lost,
  p50Ms: percentile(sorted, 0.5),
  p99Ms: percentile(sorted, 0.99),
  allMs: percentile(sorted, 1),
  slowestMs: Math.max(...(await slowest).filter((ms) => ms !== undefined)),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
