/**
 * Holds many chat connections. Run as a process of its own, with the name of a file that has a {@linkcode HoldWork} in its first argument.
 * Does what each line of standard input says:
 *
 * - `warm`: connects and logs in some, then prints `warm` and how many;
 * - `open`: connects and logs in the others, then prints `opened`;
 * - `hold`: pings over each connection once, while some write to others, then prints `settled` when all of that is answered;
 * - `report`: prints a {@linkcode HoldResult} as JSON. The connections stay until the process is ended.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Account, HoldResult, HoldWork } from "./contract.ts";
import { HeldClient, type HeldEvents, type Route } from "./held_client.ts";
import { wait } from "./measurement.ts";
import { Pace } from "./pace.ts";

/** Connections under way at once. */
const AT_ONCE = 32;
/** The longest that connecting and logging in may take, in milliseconds. */
const OPEN_MS = 30_000;
/**
 * How often each connection says something while others are still opened: a server closes those that are silent for 90 s. While more and more
 * come, a turn of all takes up to twice as long.
 */
const ALIVE_MS = 30_000;
/** The longest wait for the last answers, in milliseconds. */
const SETTLE_MS = 10_000;
const TICK_MS = 20;
const BYTES = 64;
/** The share of the connections after which the servers have done all that they do once, such as to compile. */
const WARM = 0.1;
/** Of what went wrong, so many are told. */
const MOST_FAILURES = 5;

const work = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as HoldWork;
const held = new Set<HeldClient>();
const failures: string[] = [];
let counts = { asked: 0, answered: 0, sent: 0, replies: 0, stored: 0 };
const tookUs: number[] = [];

/** A time that all processes of a machine share, in microseconds. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function routeOf(index: number): Route {
  const [host = "", port = ""] = work.address.split(":");
  const localAddress = work.sources[index % work.sources.length] ?? "";
  return { host, port: Number(port), localAddress };
}

/** Resolves when a user is logged in, or is not. */
function open(account: Account, index: number): Promise<void> {
  return new Promise((resolve) => {
    const events: HeldEvents = {
      held() {
        clearTimeout(timer);
        held.add(client);
        resolve();
      },
      lost(why) {
        clearTimeout(timer);
        held.delete(client);
        if (failures.length < MOST_FAILURES) failures.push(why);
        resolve();
      },
      ponged() {
        counts.answered += 1;
      },
      answered(isStored) {
        counts.replies += 1;
        if (isStored) counts.stored += 1;
      },
      received: (text) => void tookUs.push(nowUs() - Number.parseInt(text, 10)),
    };
    const client = new HeldClient(account, routeOf(index), events);
    const timer = setTimeout(() => client.abort("no answer to the login"), OPEN_MS);
  });
}

let next = 0;

/** Connects and logs in until so many of the accounts have had their turn. */
async function openUpTo(count: number): Promise<void> {
  const openInTurn = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const account = work.accounts[index];
      if (account) await open(account, index);
    }
  };
  using _ = everyTick(keepAlive());
  await Promise.all(Array.from({ length: AT_ONCE }, openInTurn));
}

/** A turn of those that are open: each is pinged about once in a time. */
function keepAlive(): (now: number) => void {
  const pace = new Pace(ALIVE_MS, performance.now());
  let round: Iterator<HeldClient> = held.values();
  return (now) => {
    for (let due = pace.due(held.size, now); due > 0; due--) {
      const { value, done } = round.next();
      if (done) round = held.values();
      else {
        value.ping();
        counts.asked += 1;
      }
    }
  };
}

function everyTick(turn: (now: number) => void): Disposable {
  const timer = setInterval(() => turn(performance.now()), TICK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Pings each of those that are open once, and lets some of them write at regular times, whether or not the last one has arrived. */
async function hold(): Promise<void> {
  // Answers to earlier pings are not to count as those of later ones.
  await settle();
  counts = { asked: 0, answered: 0, sent: 0, replies: 0, stored: 0 };
  const clients = [...held];
  const writers = clients.filter(({ name }) => work.receivers[name] !== undefined);
  const start = performance.now();
  const pings = new Pace(work.holdMs, start);
  const messages = new Pace(work.messageEveryMs, start);
  const turns = everyTick((now) => {
    for (let due = pings.due(clients.length, now); due > 0; due--) ping(clients);
    for (let due = messages.due(writers.length, now); due > 0; due--) write(writers);
  });
  await wait(work.holdMs);
  turns[Symbol.dispose]();
  while (counts.asked < clients.length) ping(clients);
  await settle();
}

function ping(clients: readonly HeldClient[]): void {
  const client = clients[counts.asked];
  if (!client) return;
  counts.asked += 1;
  client.ping();
}

function write(writers: readonly HeldClient[]): void {
  const client = writers[counts.sent % writers.length];
  if (!client) return;
  counts.sent += 1;
  client.send(work.receivers[client.name] ?? "", `${nowUs()} `.padEnd(BYTES, "x"));
}

/** Waits for the answers to all that was asked and sent; not for ever, since who is lost answers nothing. */
async function settle(): Promise<void> {
  const isSettled = (): boolean => counts.answered >= counts.asked && counts.replies >= counts.sent;
  const deadline = performance.now() + SETTLE_MS;
  while (!isSettled() && performance.now() < deadline) await wait(TICK_MS);
}

function report(): void {
  const { asked, answered, sent, stored } = counts;
  const result: HoldResult = { held: held.size, asked, answered, sent, stored, tookUs, failures };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { length } = work.accounts;
  if (line === "warm") {
    await openUpTo(Math.ceil(length * WARM));
    process.stdout.write(`warm ${held.size}\n`);
  } else if (line === "open") {
    await openUpTo(length);
    process.stdout.write("opened\n");
  } else if (line === "hold") {
    await hold();
    process.stdout.write("settled\n");
  } else if (line === "report") report();
}
