/**
 * Brings what the tests need and npm does not have: `redis-server`.
 *
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";

function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

if (isInstalled("redis-server")) {
  console.log("redis-server is here");
} else if (existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit", env });
  // The tests start their own servers: the package must not start one.
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "redis-server"], {
    stdio: "inherit",
    env,
  });
  console.log("redis-server is installed");
} else {
  console.error(
    "The tests need the program redis-server: install it with `sudo apt-get install redis-server` (Debian, Ubuntu), " +
      "`brew install redis` (macOS) or from https://redis.io/downloads, then run the command again.",
  );
  process.exitCode = 1;
}
