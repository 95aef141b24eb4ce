import process from "node:process";
import { DeadlineError, withDeadline } from "../async/mod.ts";
import { ChatError, connectChat, type Dial, Exchange, tcpDial } from "../chat/mod.ts";
import { type Address, formatAddress, parseAddress, systemDriver } from "../net/mod.ts";
import { Conversation } from "./client_conversation.ts";
import { openPipe } from "./client_pipe.ts";
import type { Screen } from "./client_screen.ts";
import { openTerminal } from "./client_terminal.ts";
import { StartError, UsageError } from "./errors.ts";
import { positiveDuration, switchFlag, text, withDefault } from "./flag_kinds.ts";
import { describeFlags, parseFlags, type Values } from "./flags.ts";
import { writeLines } from "./output.ts";
import type { Interruption } from "./process.ts";
import { COMMON_FLAGS } from "./role_flags.ts";

const FLAGS = {
  name: text("NAME", "who you are (asked for when absent)"),
  password: text("PASSWORD", "better by CHORUS_PASSWORD, or asked for when absent"),
  register: switchFlag("make the account first, if it does not exist"),
  device: text("NAME", "what this is called among your devices (absent: terminal, or pipe when piped)"),
  timeout: withDefault(
    positiveDuration(
      "the longest that connecting may take, and piped, after the end of the input, an answer",
    ),
    "10s",
  ),
  help: COMMON_FLAGS.help,
};

const DEFAULT_ADDRESS = "127.0.0.1:7000";

const HELP = `chorus client [HOST:PORT] [FLAGS]

Chat in the terminal (${DEFAULT_ADDRESS} unless told otherwise). Piped, it reads lines and writes lines, without colors or prompts.

${describeFlags(FLAGS)}

Lines:
  @NAME TEXT       send TEXT to NAME, and go on talking to them
  #GROUP TEXT      the same for a group
  TEXT             send TEXT to whom you talk to
  /to NAME         talk to NAME, or to a #GROUP, and see what is unread there
  /history         show the last messages, /older those before them
  /unread          show what is unread, as the prompt does in brackets
  /help            show what can be typed: friends, groups, the password
Tab completes commands and names, the arrow keys bring back what was typed.`;

/** Runs the terminal client until the end of its input. */
export async function client(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const { values, positionals } = parseFlags("client", FLAGS, argv);
  if (values.help) {
    await writeLines([HELP]);
    return 0;
  }
  const [where = DEFAULT_ADDRESS, extra] = positionals;
  if (extra !== undefined) throw new UsageError(`chorus client takes one address, received "${extra}" too`);
  const address = parseAddress(where);
  if (typeof address === "string") throw new UsageError(address);

  const isInteractive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const screen = isInteractive ? openTerminal() : openPipe();
  const server = serverAt(address, values.timeout);
  try {
    // Who sends a signal does not want to wait for what is under way.
    return await Promise.race([chat(screen, server, values), interrupted.asked.then(() => INTERRUPTED)]);
  } finally {
    screen.close();
  }
}

async function chat(screen: Screen, server: Server, values: ClientValues): Promise<number> {
  const credentials = await askCredentials(screen, values);
  if (!credentials) return leftBy(screen);
  if (values.register) await register(server, credentials);
  // Lines that are piped in do not end the client before which the same user sits.
  const device = values.device ?? (screen.isInteractive ? "terminal" : "pipe");
  const conversation = await login(screen, server, credentials, device);
  return conversation ? await talk(screen, server, conversation) : leftBy(screen);
}

/** The exit code where whoever was asked has left, which is no mistake. */
function leftBy(screen: Screen): number {
  return screen.isInterrupted ? INTERRUPTED : 0;
}

type ClientValues = Values<typeof FLAGS>;

/** The exit code of a program that was interrupted. */
const INTERRUPTED = 130;

/** Where one logs in. */
interface Server {
  readonly address: Address;
  readonly dial: Dial;
  readonly timeoutMs: number;
  /** Whether something has taken a connection there. */
  readonly isThere: boolean;
}

function serverAt(address: Address, timeoutMs: number): Server {
  const dial = tcpDial(systemDriver(), [address]);
  let isThere = false;
  return {
    address,
    timeoutMs,
    get isThere() {
      return isThere;
    },
    async dial(handler, signal) {
      const link = await dial(handler, signal);
      isThere = true;
      return link;
    },
  };
}

interface NamePassword {
  readonly name: string;
  readonly password: string;
}

/** @returns Undefined when whoever was asked has left. */
async function askCredentials(
  screen: Screen,
  known: { readonly name: string | undefined; readonly password: string | undefined },
): Promise<NamePassword | undefined> {
  const name = known.name ?? (await screen.ask("name: "));
  if (name === undefined && screen.isInteractive) return undefined;
  if (!name) throw new UsageError("--name: say who you are");
  const password = known.password ?? (await screen.ask("password: ", true));
  if (password === undefined && screen.isInteractive) return undefined;
  if (!password) throw new UsageError("--password: give it by CHORUS_PASSWORD");
  return { name, password };
}

/** Makes an account. One that exists is no failure: the login will tell. */
async function register(server: Server, { name, password }: NamePassword): Promise<void> {
  const exchange = await connectOnce(server);
  let isLost = false;
  void exchange.over.then(() => {
    isLost = true;
  });
  try {
    const asked = exchange.request({ type: "register", name, password });
    await withDeadline(asked, server.timeoutMs, `register ${name}`);
  } catch (error) {
    if (error instanceof DeadlineError) throw cannotConnect(server, error);
    if (!(error instanceof ChatError)) throw error;
    if (isLost) throw cannotConnect(server, error);
    if (error.code !== "name_taken")
      throw new StartError(`Cannot register ${name}: ${error.message}`, { cause: error });
  } finally {
    // Not waited for: a server that says nothing may not close its side either.
    exchange.close();
  }
}

async function connectOnce(server: Server): Promise<Exchange> {
  const silent = { event: () => undefined, heard: () => undefined };
  try {
    return await Exchange.open(server.dial, silent, AbortSignal.timeout(server.timeoutMs));
  } catch (error) {
    throw cannotConnect(server, error);
  }
}

function cannotConnect({ address, isThere }: Server, cause: unknown): StartError {
  const why = isThere
    ? "something is there, but no chat server answers; the page and operators have ports of their own"
    : "is it running? `chorus up` starts a cluster there";
  return new StartError(`Cannot connect to ${formatAddress(address)}: ${why}`, { cause });
}

async function talk(screen: Screen, server: Server, talking: Conversation): Promise<number> {
  void screen.over.then(() => talking.hurry(server.timeoutMs));
  for await (const line of screen.lines()) {
    if ((await talking.take(line)) === "quit") break;
  }
  talking.hurry(server.timeoutMs);
  return await talking.finish();
}

/**
 * Logs in; where the account does not exist and somebody is there to ask, makes it.
 *
 * @returns Undefined when whoever was asked has left.
 */
async function login(
  screen: Screen,
  server: Server,
  credentials: NamePassword,
  device: string,
): Promise<Conversation | undefined> {
  const conversation = new Conversation(screen, credentials.name);
  const handler = conversation.handler();
  try {
    conversation.start(await connectChat({ ...firstTry(server), credentials, device, handler }));
    return conversation;
  } catch (error) {
    if (!(error instanceof ChatError)) throw cannotConnect(server, error);
    const isNew = error.code === "bad_credentials" && (await wantsAccount(screen, credentials.name));
    if (isNew === undefined) return undefined;
    if (!isNew)
      throw new StartError(`Cannot log in as ${credentials.name}: ${error.message}`, { cause: error });
    await register(server, credentials);
    return await login(screen, server, credentials, device);
  }
}

/**
 * How to connect the first time: where nobody listens, whoever sits before the screen is to know at once, not when the time is
 * over. Later the client goes on trying.
 */
function firstTry({ dial, timeoutMs }: Server): { readonly dial: Dial; readonly signal: AbortSignal } {
  const failed = new AbortController();
  return {
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), failed.signal]),
    async dial(handler, signal) {
      try {
        return await dial(handler, signal);
      } catch (error) {
        // Of no effect once the first login has gone well.
        failed.abort(error);
        throw error;
      }
    },
  };
}

/** @returns Undefined when whoever was asked has left. */
async function wantsAccount(screen: Screen, name: string): Promise<boolean | undefined> {
  if (!screen.isInteractive) return false;
  const answer = await screen.ask(`The name or the password is wrong. Make a new account ${name}? [y/N] `);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer.trim());
}
