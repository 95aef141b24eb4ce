/**
 * Loads a chat cluster: users who write to each other, or to a group. Run as a process of its own, with what to do as JSON in its first
 * argument. Prints `ready`, then `measuring`, then a {@linkcode LoadResult} as JSON.
 *
 * @module
 */
import process from "node:process";
import { chorusTalker } from "./chorus_talker.ts";
import type { Account, LoadResult, LoadWork, Talker, TalkerOptions } from "./contract.ts";
import { Measurement, wait } from "./measurement.ts";
import { socketIoTalker } from "./socket_io_talker.ts";

const work = JSON.parse(process.argv[2] ?? "") as LoadWork;
/** Socket.IO stores nothing: whether a message is acknowledged is all that there is to choose. */
const TALKERS = {
  chorus: chorusTalker,
  "socket.io": async (options: TalkerOptions): Promise<Talker> => {
    const talker = await socketIoTalker(options);
    return { ...talker, signal: talker.send };
  },
  "socket.io untold": async (options: TalkerOptions): Promise<Talker> => {
    const talker = await socketIoTalker(options);
    return { ...talker, send: talker.signal };
  },
};

/** Of how long messages took to each receiver. */
const measurement = new Measurement();
let sends = 0;

/** Several messages on their way at once, each followed by the next when everybody who is to have it has it. */
class Stream {
  readonly #talker: Talker;
  readonly #to: string;
  readonly #receivers: number;
  readonly #left = new Map<string, { count: number; resolve(): void }>();

  constructor(talker: Talker, to: string, receivers: number) {
    this.#talker = talker;
    this.#to = to;
    this.#receivers = receivers;
  }

  /** Keeps one message on its way until the end. */
  async run(slot: number, name: string): Promise<void> {
    for (let number = 0; !measurement.isOver; number++) {
      const sentAt = performance.now();
      const key = `${name}/${slot}/${number}`;
      const all = new Promise<void>((resolve) => {
        this.#left.set(key, { count: this.#receivers, resolve });
      });
      const text = `${key} ${sentAt} `.padEnd(work.bytes, "x");
      await Promise.all([
        work.mode === "send" ? this.#talker.send(this.#to, text) : this.#talker.signal(this.#to, text),
        all,
      ]);
      if (measurement.isMeasuring) sends += 1;
    }
  }

  /** One of the receivers has a message. */
  take(key: string): void {
    const left = this.#left.get(key);
    if (!left) return;
    left.count -= 1;
    if (left.count > 0) return;
    this.#left.delete(key);
    left.resolve();
  }
}

const streams = new Map<string, Stream>();

function onText(text: string): void {
  const [key = "", sentAt = ""] = text.split(" ", 2);
  measurement.take(performance.now() - Number(sentAt));
  streams.get(key.slice(0, key.indexOf("/")))?.take(key);
}

async function connect(account: Account, index: number): Promise<Talker> {
  const address = work.addresses[index % work.addresses.length] ?? "";
  return await TALKERS[work.kind]({
    address,
    account,
    groups: work.type === "group" ? [work.group] : [],
    onText,
  });
}

async function connectAll(): Promise<Talker[]> {
  const talkers: Talker[] = [];
  for (let start = 0; start < work.accounts.length; start += 50) {
    const some = work.accounts.slice(start, start + 50);
    talkers.push(...(await Promise.all(some.map((account, index) => connect(account, start + index)))));
  }
  return talkers;
}

/** Sender and receiver stand next to each other, and so on different servers. */
function makeStreams(talkers: readonly Talker[]): void {
  if (work.type === "group") {
    const [sender] = talkers;
    if (sender) streams.set("group", new Stream(sender, work.group, talkers.length - 1));
    return;
  }
  for (let index = 0; index + 1 < talkers.length; index += 2) {
    const [sender, receiver] = [talkers[index], work.accounts[index + 1]];
    if (sender && receiver) streams.set(`p${index}`, new Stream(sender, receiver.name, 1));
  }
}

const talkers = await connectAll();
makeStreams(talkers);
process.stdout.write("ready\n");
const running = [...streams].flatMap(([name, stream]) =>
  Array.from({ length: work.inFlight }, (_, slot) => stream.run(slot, name)),
);
const { count: deliveries, ...measured } = await measurement.run(work);
const result: LoadResult = { ...measured, sends, deliveries };
process.stdout.write(`${JSON.stringify(result)}\n`);
await Promise.race([Promise.all(running), wait(2000)]);
await Promise.race([Promise.all(talkers.map((talker) => talker.close())), wait(2000)]);
process.exit(0);
