/**
 * A small name server on the loopback, which answers what a test wants, over UDP and TCP.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import { parseIp } from "../../src/wire/ip.ts";

/** One record. */
export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly host: string; readonly ttl: number }
  | {
      readonly type: "SRV";
      readonly host: string;
      readonly port: number;
      readonly priority: number;
      readonly weight: number;
    };

/** What is said to a question. `silent`: nothing. */
export type DnsAnswer = readonly DnsRecord[] | "no_such_name" | "failure" | "refusal" | "silent";

/** A name server that runs. */
export interface DnsServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  /** How many questions came, over TCP how many of them. */
  readonly asked: number;
  readonly askedOverTcp: number;
  /** From now on says that to a question; to others of a name that is known, that there is no such record. */
  say(name: string, type: DnsRecord["type"], answer: DnsAnswer): void;
  /** Resolves when another question of that kind has come. */
  question(name: string, type: DnsRecord["type"]): Promise<void>;
}

const TYPES: Readonly<Record<DnsRecord["type"], number>> = { A: 1, AAAA: 28, SRV: 33 };
const CODES = { no_such_name: 3, failure: 2, refusal: 5 } as const;
/** The most that goes into a datagram. */
const DATAGRAM_BYTES = 512;

/** Starts a name server on a free port. */
export async function dnsServer(): Promise<DnsServer> {
  for (let tries = 1; ; tries++) {
    const server = new RunningServer();
    try {
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      if (tries === 10) throw error;
    }
  }
}

class RunningServer implements DnsServer {
  readonly #udp: Socket = createSocket("udp4");
  readonly #tcp: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<TcpSocket>();
  readonly #answers = new Map<string, DnsAnswer>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  asked = 0;
  askedOverTcp = 0;

  get address(): { readonly host: string; readonly port: number } {
    return { host: "127.0.0.1", port: this.#udp.address().port };
  }

  async start(): Promise<void> {
    this.#udp.on("message", (message, { port, address }) => {
      const answer = this.#answer(message, DATAGRAM_BYTES);
      if (answer) this.#udp.send(answer, port, address);
    });
    // Bun tells when an answer finds nobody: who asked has given up.
    this.#udp.on("error", () => undefined);
    this.#udp.bind(0, "127.0.0.1");
    await once(this.#udp, "listening");
    this.#tcp.listen(this.address.port, "127.0.0.1");
    await once(this.#tcp, "listening");
  }

  say(name: string, type: DnsRecord["type"], answer: DnsAnswer): void {
    this.#answers.set(keyOf(name, type), answer);
  }

  question(name: string, type: DnsRecord["type"]): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(keyOf(name, type), waiting);
    return waiting.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const udpClosed = once(this.#udp, "close");
    this.#udp.close();
    await udpClosed;
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#tcp.listening) return;
    const tcpClosed = once(this.#tcp, "close");
    this.#tcp.close();
    await tcpClosed;
  }

  #serve(socket: TcpSocket): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (let length = lengthOf(received); length > 0; length = lengthOf(received)) {
        this.askedOverTcp += 1;
        const answer = this.#answer(received.subarray(2, 2 + length), 65_535);
        received = received.subarray(2 + length);
        if (answer) socket.write(Buffer.concat([uint16(answer.length), answer]));
      }
    });
  }

  #answer(message: Buffer, maxBytes: number): Buffer | undefined {
    this.asked += 1;
    const { name, type, end } = readQuestion(message);
    const key = `${name} ${type}`;
    this.#waiting.get(key)?.resolve();
    this.#waiting.delete(key);
    const isKnown = Array.from(this.#answers.keys()).some((known) => known.startsWith(`${name} `));
    const answer = this.#answers.get(key) ?? (isKnown ? [] : "no_such_name");
    if (answer === "silent") return undefined;
    const records = typeof answer === "string" ? [] : answer;
    const code = typeof answer === "string" ? CODES[answer] : 0;
    const question = message.subarray(12, end);
    const whole = writeAnswer(message, question, code, records);
    if (whole.length <= maxBytes) return whole;
    const cut = writeAnswer(message, question, code, []);
    // What did not fit is to be asked for over TCP.
    cut.writeUInt16BE(cut.readUInt16BE(2) | 0x02_00, 2);
    return cut;
  }
}

function keyOf(name: string, type: DnsRecord["type"]): string {
  return `${name} ${TYPES[type]}`;
}

/** The length of the message that has come whole; 0 when there is none. */
function lengthOf(received: Buffer): number {
  if (received.length < 2) return 0;
  const length = received.readUInt16BE(0);
  return received.length >= 2 + length ? length : 0;
}

function readQuestion(message: Buffer): {
  readonly name: string;
  readonly type: number;
  readonly end: number;
} {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function writeAnswer(asked: Buffer, question: Buffer, code: number, records: readonly DnsRecord[]): Buffer {
  const head = Buffer.alloc(12);
  asked.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x81_80 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, question, ...records.map(writeRecord)]);
}

function writeRecord(record: DnsRecord): Buffer {
  const data = record.type === "SRV" ? writeService(record) : writeIp(record);
  const head = Buffer.alloc(12);
  // The name of the question.
  head.writeUInt16BE(0xc0_0c, 0);
  head.writeUInt16BE(TYPES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.type === "SRV" ? 60 : record.ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function writeIp({ host }: { readonly host: string }): Buffer {
  const bytes = parseIp(host);
  if (!bytes) throw new Error(`not an IP address: ${host}`);
  return Buffer.from(bytes);
}

function writeService({ host, port, priority, weight }: DnsRecord & { readonly type: "SRV" }): Buffer {
  const labels = host === "." ? [] : host.split(".").map((label) => Buffer.from(`\u0000${label}`, "latin1"));
  for (const label of labels) label[0] = label.length - 1;
  return Buffer.concat([uint16(priority), uint16(weight), uint16(port), ...labels, Buffer.alloc(1)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value, 0);
  return bytes;
}
