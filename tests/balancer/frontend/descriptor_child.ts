/**
 * A frontend in a process of its own, before the server of the first argument: says where it listens, and with each line that it is
 * told, what it has counted.
 *
 * @module
 */
import process from "node:process";
import { startSpliceFrontend } from "../../../src/balancer/frontend/splice_frontend.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { formatAddress, parseAddress, systemDriver } from "../../../src/net/mod.ts";

const address = parseAddress(process.argv[2] ?? "");
if (typeof address === "string") throw new Error(address);
const pool = createPool({ name: "default", policy: "round-robin" });
pool.beat(pool.add({ address }), "answered");
const failures: string[] = [];
const frontend = await startSpliceFrontend({
  driver: systemDriver(),
  listen: { host: "127.0.0.1", port: 0 },
  pool,
  handler: {
    failed: (_, error) => void failures.push(String(error)),
    error: (error) => void failures.push(String(error)),
  },
});
process.stdout.write(`${formatAddress(frontend.address)}\n`);
process.stdin.on("data", () => {
  const { counters, connections } = frontend;
  process.stdout.write(`${JSON.stringify({ ...counters, connections, failures })}\n`);
});
