import process from "node:process";
import type { ProcessUsage } from "../admin/mod.ts";
import { openHandles } from "../net/mod.ts";

/** What this process uses now, for `/metrics`. */
export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: process.memoryUsage().rss,
    cpuSeconds: (user + system) / 1e6,
    startedAtSeconds: Date.now() / 1000 - process.uptime(),
    openSockets: openHandles(),
  };
}
