import process from "node:process";

/**
 * Reads a tool's command line: `--help` prints how it is used and ends with 0; a mistake is told with that in one sentence and ends with 2.
 *
 * @param read Throws for what cannot be read.
 */
export function orUsage<T>(usage: string, read: () => T): T {
  if (process.argv.includes("--help") || process.argv.includes("-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}\n`);
    process.exit(2);
  }
}
