import process from "node:process";
import { configure, dispose, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import type { End } from "../server/mod.ts";

/** Options for {@linkcode startLog}. */
export interface LogOptions {
  /** Absent: text on a terminal, else JSON lines. */
  readonly format: "json" | "text" | undefined;
  readonly level: "debug" | "info" | "warning" | "error";
  /** What names the process in each line, such as `up` or `chat-2`. */
  readonly role: string;
}

/** A line for people: when, how bad, who, what. */
function formatText({ timestamp, level, category, message }: LogRecord): string {
  const time = new Date(timestamp).toTimeString().slice(0, 8);
  return `${time} ${level.padEnd(7)} ${category.join(".")}: ${message.map(String).join("")}\n`;
}

/** The same for machines, as JSON, with each value under its name. */
function formatJson({ timestamp, level, category, message, properties }: LogRecord): string {
  const time = new Date(timestamp).toISOString();
  return `${JSON.stringify({ time, level, role: category.join("."), message: message.map(String).join(""), ...properties })}\n`;
}

/**
 * Starts logging to standard error and gives the logger of this process. Call once. What cannot be written there is lost, and nothing else:
 * whoever reads the log may go before the program does, and its disk may be full.
 */
export async function startLog({ format, level, role }: LogOptions): Promise<Logger> {
  const formatLine =
    (format ?? (process.stderr.isTTY ? "text" : "json")) === "json" ? formatJson : formatText;
  process.stderr.on("error", () => undefined);
  await configure({
    sinks: { stderr: (record) => writeLog(formatLine(record)) },
    loggers: [
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
      { category: role, sinks: ["stderr"], lowestLevel: level },
    ],
  });
  return getLogger(role);
}

function writeLog(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // Deno throws what the others tell as an event.
  }
}

/** Logs what fails inside of a role. What clients do wrong is not told here, so that they cannot fill the log. */
export function logErrors(log: Logger): (error: unknown, context: { readonly during: string }) => void {
  return (error, { during }) => log.warn("{during}: {error}", { during, error: wordsOf(error) });
}

/** Ends logging. */
export async function stopLog(): Promise<void> {
  await dispose();
}

/** How a child process or a thread ended, in few words. */
export function wordsOfEnd(end: End): string {
  if ("error" in end) return wordsOf(end.error);
  return "signal" in end ? `killed by ${end.signal}` : `exit code ${end.code}`;
}

/** An error in few words, with what caused it. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause =
    error.cause instanceof Error && !error.message.includes(error.cause.message)
      ? ` (${error.cause.message})`
      : "";
  return `${error.message}${cause}`;
}
