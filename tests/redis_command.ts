import { Buffer } from "node:buffer";
import { connect } from "node:net";

/** How long a server may take to answer, in milliseconds. A busy machine is slow, and who waits loses nothing by waiting. */
const DEADLINE_MS = 10_000;

/**
 * Sends one command over a connection of its own. Written by hand, because tests ask processes some hundred times how far they
 * are, and a client of the `redis` package costs five times as much to make.
 *
 * @returns A text, a number, a list of these, or `undefined` where there is nothing.
 * @throws {Error} What the server says is wrong, or why it cannot be reached.
 */
export function redisCommand(port: number, ...args: string[]): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const socket = connect({ host: "127.0.0.1", port });
  const words = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  socket.write(`*${args.length}\r\n${words.join("")}`);
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    const reply = parseReply(received, 0);
    if (!reply) return;
    if (reply.value instanceof Error) reject(reply.value);
    else resolve(reply.value);
  });
  const fail = (why: string) => reject(new Error(`Cannot send ${args[0]} to port ${port}: ${why}`));
  socket.on("error", (error) => fail(error.message));
  socket.on("close", () => fail("the connection was closed"));
  const late = setTimeout(() => fail(`no answer within ${DEADLINE_MS} ms`), DEADLINE_MS);
  return promise.finally(() => {
    clearTimeout(late);
    socket.destroy();
  });
}

interface Reply {
  readonly value: unknown;
  /** Where the next one begins. */
  readonly end: number;
}

/** @returns Nothing while the reply is not complete. */
function parseReply(bytes: Buffer, start: number): Reply | undefined {
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString("utf8", start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case "+":
      return { value: line, end };
    case "-":
      return { value: new Error(line), end };
    case ":":
      return { value: Number(line), end };
    case "$":
      return parseText(bytes, end, Number(line));
    case "*":
      return parseList(bytes, end, Number(line));
    default:
      return { value: new Error(`Cannot read a reply: ${line}`), end };
  }
}

function parseText(bytes: Buffer, start: number, length: number): Reply | undefined {
  if (length < 0) return { value: undefined, end: start };
  const end = start + length + 2;
  return bytes.length < end ? undefined : { value: bytes.toString("utf8", start, end - 2), end };
}

function parseList(bytes: Buffer, start: number, length: number): Reply | undefined {
  const value: unknown[] = [];
  let end = start;
  while (value.length < length) {
    const item = parseReply(bytes, end);
    if (!item) return undefined;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}
