/**
 * Brings what the tests need and npm does not have: `redis-server`, and the programs that a balancer is tried with.
 *
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";

/** Without this one the tests fail. */
const NEEDED = { "redis-server": "redis-server" };
/** Without one of these, the tests and benchmarks that drive it are skipped by name. The program and Debian's packages. */
const PEERS = {
  nginx: "nginx-light libnginx-mod-stream",
  haproxy: "haproxy",
  wrk: "wrk",
  dig: "bind9-dnsutils",
  openssl: "openssl",
  chromium: "chromium",
};

function missing(programs: Readonly<Record<string, string>>): string[] {
  return Object.keys(programs).filter(
    (program) => spawnSync(program, ["-v"], { stdio: "ignore" }).error !== undefined,
  );
}

/** Installs Debian's packages; the tests start their own servers: no package is to start one. */
function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit", env });
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
    stdio: "inherit",
    env,
  });
}

const wanted: Readonly<Record<string, string>> = { ...NEEDED, ...PEERS };
const absent = missing(wanted);
if (absent.length > 0 && existsSync("/usr/bin/apt-get") && process.getuid?.() === 0)
  install(absent.flatMap((program) => (wanted[program] ?? program).split(" ")));

const stillAbsent = missing(wanted);
for (const program of Object.keys(wanted))
  if (!stillAbsent.includes(program)) console.log(`${program} is here`);
for (const program of stillAbsent.filter((name) => name in PEERS))
  console.log(`${program} is not here: the tests that drive it are skipped`);
if (stillAbsent.includes("redis-server")) {
  console.error(
    "The tests need the program redis-server: install it with `sudo apt-get install redis-server` (Debian, Ubuntu), " +
      "`brew install redis` (macOS) or from https://redis.io/downloads, then run the command again.",
  );
  process.exitCode = 1;
}
