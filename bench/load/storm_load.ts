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
  connectChat,
  parseAddress,
  systemDriver,
  tcpDial,
} from "../../mod.ts";
import type { StormResult, StormWork } from "./contract.ts";

const work = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as StormWork;
const addresses = work.addresses.map(toAddress);
/** When the first client was lost, and how long after that each was back. */
let lostAt: number | undefined;
const backMs: number[] = [];
let lost = 0;
const everybody = Promise.withResolvers<void>();

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

/** Asks one question after the other as long as the storm lasts. @returns The longest that an answer took, in milliseconds. */
async function slowestAnswer(client: ChatClient, name: string): Promise<number> {
  let slowest = 0;
  let isOver = false;
  void everybody.promise.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const asked = performance.now();
    await client.signal(name, "still there?");
    slowest = Math.max(slowest, performance.now() - asked);
  }
  return slowest;
}

const [stayer, ...others] = work.accounts;
if (!stayer) throw new RangeError("Cannot make a storm: there are no accounts");
for (let start = 0; start < others.length; start += 100) {
  const some = others.slice(start, start + 100);
  await Promise.all(some.map(({ token }) => connect(token, 0, { online: comeBack, offline: lose })));
}
const bystander = await connect(stayer.token, addresses.length - 1);
process.stdout.write("connected\n");
const slowest = slowestAnswer(bystander, stayer.name);
await everybody.promise;
const sorted = Float64Array.from(backMs).sort();
const at = (share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const result: StormResult = {
  clients: lost,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
  allMs: at(1),
  slowestMs: await slowest,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
