/**
 * Loads a server of bytes: connections that ask one request after the other, or that come, ask once and leave. Run as a process of its
 * own, with a {@linkcode StreamOrder} as JSON in its first argument. Prints `measuring`, then what it {@linkcode Measured} as JSON. An answer
 * of the wrong length, or a connection that is lost, ends it with an error.
 *
 * @module
 */
import { connect } from "node:net";
import process from "node:process";
import type { StreamWork } from "./contract.ts";
import { Measurement, type MeasurementOptions } from "./measurement.ts";
import { visit } from "./visit.ts";

/** What to do, where and how long. */
export interface StreamOrder extends StreamWork, MeasurementOptions {
  readonly host: string;
  readonly port: number;
}

const order = JSON.parse(process.argv[2] ?? "") as StreamOrder;
const { host, port, answerBytes } = order;
const request = new Uint8Array(order.requestBytes).fill(0x61);
const measurement = new Measurement();
const CLIENTS = { ask: askInTurn, visit: visitInTurn };

/** One request after the other on one connection. */
function askInTurn(): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let received = 0;
    const ask = (): void => {
      sentAt = performance.now();
      received = 0;
      socket.write(request);
    };
    const take = (bytes: number): boolean => {
      received += bytes;
      if (received < answerBytes) return true;
      measurement.take(performance.now() - sentAt);
      if (received > answerBytes) socket.destroy(new Error(`an answer had ${received} bytes`));
      else if (measurement.isOver) socket.end();
      else ask();
      return true;
    };
    // Into one buffer again and again: what the load costs, the proxy does not get.
    const onread = { buffer: new Uint8Array(65_536), callback: take };
    const socket = connect({ host, port, noDelay: true, onread }, ask);
    socket.once("error", reject);
    socket.once("close", () => {
      if (measurement.isOver) resolve();
      else reject(new Error("a connection was closed in the middle"));
    });
  });
}

/** One connection after the other, each with one request. */
async function visitInTurn(): Promise<void> {
  while (!measurement.isOver) measurement.take(await visit({ host, port }, request, "in order"));
}

const clients = Promise.all(Array.from({ length: order.connections }, CLIENTS[order.type]));
const measured = measurement.run(order);
// Clients that fail end it.
await Promise.race([measured, clients]);
process.stdout.write(`${JSON.stringify(await measured)}\n`);
process.exit(0);
