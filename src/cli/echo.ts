import type { TcpAddress } from "../net/mod.ts";
import { type ModelName, type ModelOptions, type ModelServer, models } from "../server/mod.ts";
import { UsageError } from "./errors.ts";
import { address, choice, whole, withDefault } from "./flag_kinds.ts";
import { describeFlags, type Flag, parseFlags, Wrong } from "./flags.ts";
import { logErrors, startLog, wordsOfEnd } from "./log.ts";
import { writeLines } from "./output.ts";
import { announceReady, type Interruption, onFreePort } from "./process.ts";
import { COMMON_FLAGS } from "./role_flags.ts";

const HANDLER = new URL("./echo_handler.ts", import.meta.url).href;
const NAMES = Object.keys(models) as ModelName[];

/** The models that have several workers from the start. */
const REACTORS: readonly ModelName[] = ["reactors-in-threads", "reactors-in-processes"];

const tcpAddress: Flag<TcpAddress> = {
  ...address("where clients connect"),
  parse(found) {
    const parsed = address("").parse(found);
    if (parsed instanceof Wrong || "host" in parsed) return parsed;
    return new Wrong(`"${found}" is not a TCP address; write HOST:PORT`);
  },
};

const FLAGS = {
  model: withDefault(
    { ...choice(NAMES, "how connections are served: one of the five above"), value: "MODEL" },
    "reactors-in-processes",
  ),
  workers: whole(1, 256, "reactors, under the models that have them (one a core)"),
  spread: choice(
    ["kernel", "hand-over"],
    "who spreads connections over processes: the system, or one that hands them over in turn (kernel)",
  ),
  listen: withDefault(tcpAddress, "127.0.0.1:7005"),
  "max-connections": whole(
    1,
    1_000_000,
    "connections at once; more wait, 511 of them (64 with a worker for each, else 10000)",
  ),
  ...COMMON_FLAGS,
};

const HELP = `chorus echo [FLAGS]

A server that sends back what comes, under one of the five models:

  iterative               accept, serve to the end, accept the next
  process-per-connection  a child process for each connection, bytes over its standard streams
  thread-per-connection   a thread for each connection, bytes in buffers that change threads
  reactors-in-threads     one event loop a thread, the system spreads connections
  reactors-in-processes   one event loop a process, spread by --spread

${describeFlags(FLAGS)}`;

/** Runs an echo server until it is told to end. */
export async function echo(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values, given, positionals } = parseFlags("echo", FLAGS, argv);
  if (values.help) {
    await writeLines([HELP]);
    return 0;
  }
  if (positionals[0] !== undefined)
    throw new UsageError(`chorus echo takes no argument, received "${positionals[0]}"`);
  const { model, workers, spread, "max-connections": maxConnections, grace: graceMs } = values;
  checkFit(model, given);
  const log = await startLog({ format: values.log, level: values["log-level"], role: "echo" });
  const ended = new AbortController();
  interrupted.onSecond(() => ended.abort());

  const start = (listen: TcpAddress): Promise<ModelServer> => {
    const options: ModelOptions = {
      listen,
      graceMs,
      ...(workers !== undefined && { workers }),
      ...(spread !== undefined && { spread }),
      ...(maxConnections !== undefined && { maxConnections }),
      signal: ended.signal,
      onError: logErrors(log),
      onEnd: (end, delayMs) =>
        log.warn("a worker ended: {how}; the next one starts in {delayMs} ms", {
          how: wordsOfEnd(end),
          delayMs: Math.round(delayMs),
        }),
    };
    return models[model](HANDLER, options);
  };
  await using server = await onFreePort(values.listen, given.has("listen"), log, start);
  announceReady("echo", { tcp: server.address });

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace: graceMs });
  await server.close();
  return 0;
}

/** Flags that a model has no use for are a mistake. @throws {UsageError} */
function checkFit(model: ModelName, given: ReadonlySet<string>): void {
  if (given.has("workers") && !REACTORS.includes(model))
    throw new UsageError(`--workers: ${model} has no reactors; it goes with ${REACTORS.join(" and ")}`);
  if (given.has("spread") && model !== "reactors-in-processes")
    throw new UsageError(`--spread: ${model} has one way only; it goes with reactors-in-processes`);
  if (given.has("max-connections") && model === "iterative")
    throw new UsageError("--max-connections: iterative serves one connection at a time");
}
