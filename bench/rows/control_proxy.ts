/**
 * The least that a proxy on a runtime is: what comes from one side is written to the other, and reading stops while that side takes no more. It
 * chooses nothing, limits nothing and counts nothing. The address of the backend is its first argument. Prints `ready HOST:PORT`.
 *
 * @module
 */
import { type AddressInfo, connect, createServer } from "node:net";
import process from "node:process";
import type { Socket as BunSocket } from "bun";

const [hostname = "", port = ""] = (process.argv[2] ?? "").split(":");
const backend = { hostname, port: Number(port) };

if ("Bun" in globalThis) onBun();
else if ("Deno" in globalThis) await onDeno();
else onNode();

function ready(at: number): void {
  process.stdout.write(`ready 127.0.0.1:${at}\n`);
}

function onNode(): void {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const to = connect({ host: backend.hostname, port: backend.port, noDelay: true, allowHalfOpen: true });
    client.on("error", () => to.destroy());
    to.on("error", () => client.destroy());
    client.pipe(to);
    to.pipe(client);
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
    ready((server.address() as AddressInfo).port);
  });
}

/** What is known of a socket of Bun: the other one, and what that did not take. */
interface End {
  other: BunSocket<End> | undefined;
  waiting: Uint8Array | undefined;
}

function onBun(): void {
  const give = (socket: BunSocket<End>, chunk: Uint8Array): void => {
    const { data } = socket;
    const { other } = data;
    const taken = other ? Math.max(0, other.write(chunk)) : 0;
    if (taken === chunk.length) return;
    // A chunk is ours for the call only.
    data.waiting = chunk.slice(taken);
    socket.pause();
  };
  const goOn = (socket: BunSocket<End>): void => {
    const from = socket.data.other;
    if (!from?.data.waiting) return;
    const chunk = from.data.waiting;
    from.data.waiting = undefined;
    give(from, chunk);
    if (!from.data.waiting) from.resume();
  };
  const socket = {
    data: give,
    drain: goOn,
    end: (ended: BunSocket<End>) => void ended.data.other?.end(),
    close: (closed: BunSocket<End>) => void closed.data.other?.end(),
    error: (failed: BunSocket<End>) => void failed.data.other?.end(),
  };
  const open = (client: BunSocket<End>): void => {
    client.data = { other: undefined, waiting: undefined };
    void Bun.connect<End>({
      ...backend,
      data: { other: client, waiting: undefined },
      socket: {
        ...socket,
        open(to) {
          client.data.other = to;
          goOn(to);
        },
      },
    }).catch(() => client.end());
  };
  ready(Bun.listen<End>({ hostname: "127.0.0.1", port: 0, socket: { ...socket, open } }).port);
}

async function onDeno(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  ready(listener.addr.port);
  // A broken connection ends its pair and nothing else.
  for await (const client of listener) void serve(client).catch(() => undefined);
}

async function serve(accepted: Deno.TcpConn): Promise<void> {
  using client = accepted;
  using to = await Deno.connect(backend);
  client.setNoDelay();
  to.setNoDelay();
  await Promise.all([carry(client, to), carry(to, client)]);
}

async function carry(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) break;
    for (let sent = 0; sent < count; ) sent += await to.write(buffer.subarray(sent, count));
  }
  await to.closeWrite();
}
