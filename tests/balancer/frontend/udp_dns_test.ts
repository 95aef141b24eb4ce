import { Buffer } from "node:buffer";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { assertEquals } from "@std/assert";
import { ConnectionTable } from "../../../src/balancer/connection/table.ts";
import { startUdpFrontend, type UdpFrontend } from "../../../src/balancer/frontend/udp_frontend.ts";
import { bindDatagram, type DatagramSocket } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import { HERE } from "./datagrams.ts";
import { poolAt, tally } from "./frontends.ts";

const dig = promisify(execFile);

/** Why `dig` cannot be run; undefined if it can. */
async function missing(): Promise<string | undefined> {
  try {
    await dig("dig", ["-v"]);
    return undefined;
  } catch {
    return "dig is not installed (Debian: bind9-dnsutils)";
  }
}

/** A DNS server that answers every question of type A by `address`, and of type TXT by 1,000 bytes. */
async function dnsServer(address: string): Promise<DatagramSocket> {
  const socket: DatagramSocket = await bindDatagram(HERE, {
    message: (query, from) => socket.send(answerTo(Buffer.from(query), address), from),
  });
  return socket;
}

/** RFC 1035, 4.1: the header, the question as it was asked, and one record whose name points to it. */
function answerTo(query: Buffer, address: string): Buffer {
  let end = 12;
  while (query[end]) end += 1 + (query[end] ?? 0);
  const question = query.subarray(12, end + 5);
  const isText = query.readUInt16BE(end + 1) === 16;
  const text = Buffer.concat(
    Array.from({ length: 4 }, () => Buffer.concat([Buffer.of(250), Buffer.alloc(250, "x")])),
  );
  const data = isText ? text : Buffer.from(address.split(".").map(Number));
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // An authoritative answer to a standard query; one question, one answer.
  header.set([0x84, 0, 0, 1, 0, 1], 2);
  const record = Buffer.alloc(12);
  record.set([0xc0, 12, 0, isText ? 16 : 1, 0, 1, 0, 0, 0, 60]);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([header, question, record, data]);
}

async function ask({ address }: UdpFrontend, type: string): Promise<string> {
  const target = [`@${address.host}`, "-p", String(address.port)];
  const { stdout } = await dig("dig", [...target, "+short", "+tries=3", "+time=5", "www.example.test", type]);
  return stdout.trim();
}

test("dig asks two DNS servers in turns through a frontend, and takes their answers", {
  skip: await missing(),
}, async () => {
  await using one = await dnsServer("192.0.2.1");
  await using other = await dnsServer("192.0.2.2");
  using pool = poolAt([one.address, other.address]);
  await using frontend = await startUdpFrontend({ listen: HERE, pool, table: new ConnectionTable() });
  const answers: string[] = [];
  for (let i = 0; i < 4; i++) answers.push(await ask(frontend, "A"));
  assertEquals(tally(answers), { "192.0.2.1": 2, "192.0.2.2": 2 });
  const text = await ask(frontend, "TXT");
  assertEquals(text, Array.from({ length: 4 }, () => `"${"x".repeat(250)}"`).join(" "));
});
