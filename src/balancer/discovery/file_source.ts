import type { Clock } from "../../async/mod.ts";
import type { BackendSpec } from "../pool/backend.ts";
import { MAX_BACKENDS } from "../pool/pool_options.ts";
import { BACKEND_FORM, parseBackend } from "./backend_text.ts";
import { DiscoveryError, type DiscoveryReport } from "./error.ts";
import { nameOf } from "./member.ts";
import type { Membership } from "./membership.ts";
import { type WatchFileOptions, watchFile } from "./watch_file.ts";

/** Options for {@linkcode watchFileSource}. */
export interface FileSourceOptions {
  /** The file: one backend a line, as {@linkcode BACKEND_FORM} says; from `#` on a line is a comment. */
  readonly path: string;
  readonly membership: Membership;
  /** Told why the file is not used; the backends stay as they were. Must not throw. @default {ignored} */
  readonly onError?: DiscoveryReport | undefined;
  /** The source's name. @default {file:PATH} */
  readonly source?: string | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** How soon a change is seen. */
  readonly timing?: Pick<WatchFileOptions, "quietMs" | "pollMs"> | undefined;
}

/** So many wrong lines are named in one error. */
const MAX_WRONG_LINES = 5;

/**
 * Keeps in a pool what a file lists, and follows its changes. Resolves after the first reading; disposing leaves the pool as it is.
 *
 * A file that cannot be read, has an error in any line, or names no backend, changes nothing and is reported, with the number of each
 * wrong line, what was found there and what is allowed. So a file that is being written empties no pool; whoever wants an empty one
 * removes the source or its backends.
 *
 * @throws {DiscoveryError} `unreadable`, when the file's folder is not there.
 */
export async function watchFileSource(options: FileSourceOptions): Promise<AsyncDisposable> {
  const { path, membership, onError, source = `file:${path}`, clock, timing } = options;
  function use(content: string): void {
    const specs = parseBackends(content, path);
    if (specs instanceof DiscoveryError) onError?.(specs, { during: `watch ${path}` });
    else membership.update(source, specs);
  }
  const watched = await watchFile(path, use, { ...timing, onError, clock });
  if (watched.content !== undefined) use(watched.content);
  return watched;
}

/**
 * Reads a file of backends.
 *
 * @param file Its name, for the error.
 * @returns The backends in the file's order, or what is wrong: `invalid` or `empty`.
 */
export function parseBackends(content: string, file: string): BackendSpec[] | DiscoveryError {
  const specs: BackendSpec[] = [];
  const lineOf = new Map<string, number>();
  const wrong: string[] = [];
  let wrongLines = 0;
  for (const [index, line] of content.split("\n").entries()) {
    const text = line.replace(/#.*/s, "").trim();
    if (text === "") continue;
    const found =
      specs.length < MAX_BACKENDS
        ? readLine(text, index + 1, lineOf)
        : `is beyond the ${MAX_BACKENDS} that a pool takes`;
    if (typeof found !== "string") specs.push(found);
    else if (++wrongLines <= MAX_WRONG_LINES) wrong.push(`line ${index + 1}: ${found}`);
  }
  if (wrongLines > MAX_WRONG_LINES) wrong.push(`and ${wrongLines - MAX_WRONG_LINES} more`);
  if (wrongLines > 0)
    return new DiscoveryError(
      "invalid",
      `Cannot use ${file}: ${wrong.join("; ")}. Allowed is ${BACKEND_FORM}`,
    );
  if (specs.length > 0) return specs;
  return new DiscoveryError(
    "empty",
    `Cannot use ${file}: it names no backend, and an empty file removes nobody`,
  );
}

function readLine(text: string, line: number, lineOf: Map<string, number>): BackendSpec | string {
  const spec = parseBackend(text);
  if (typeof spec === "string") return spec;
  const name = nameOf(spec);
  const before = lineOf.get(name);
  if (before !== undefined) return `"${name}" stands in line ${before} already`;
  lineOf.set(name, line);
  return spec;
}
