import process from "node:process";

/**
 * Makes a child process live as its parent wants: signals that a terminal sends to everybody are the parent's to obey, and an
 * unhandled rejection ends the process on every runtime.
 */
export function endWithParent(): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("unhandledRejection", (error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  });
}
