import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { type Address, type Connection, systemDriver } from "../../src/net/mod.ts";
import { type FaultProxy, faultProxy } from "../fault_proxy.ts";
import { Signal } from "../helpers.ts";
import { test } from "../testing.ts";

/** A client of a server that says everything back. */
interface Echo extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly client: Connection;
  /** What came back so far. */
  heard(): string;
  /** Waits until that much came back. */
  hears(length: number): Promise<void>;
  /** How the client's connection ended. */
  readonly closed: Promise<string>;
  /** How the server's connection ended. */
  readonly serverClosed: Promise<string>;
}

async function echo(options: { readonly mark?: string } = {}): Promise<Echo> {
  const stack = new AsyncDisposableStack();
  const over = Promise.withResolvers<string>();
  const serverOver = Promise.withResolvers<string>();
  const listener = stack.use(
    await systemDriver().listen({ host: "127.0.0.1", port: 0 }, () => ({
      data: (connection, chunk) => void connection.write(chunk),
      end: (connection) => connection.end(),
      close: (_, reason) => serverOver.resolve(reason),
    })),
  );
  const proxy = stack.use(await faultProxy(listener.address, options));
  let text = "";
  let look = (): void => undefined;
  const client = await systemDriver().connect(proxy.address as Address, {
    data(_, chunk) {
      text += Buffer.from(chunk).toString();
      look();
    },
    end: (connection) => connection.end(),
    close: (_, reason) => over.resolve(reason),
  });
  return {
    proxy,
    client,
    heard: () => text,
    async hears(length) {
      const enough = new Signal<void>();
      look = () => void (text.length >= length && enough.fire());
      look();
      await enough.wait(`${length} characters`);
    },
    closed: over.promise,
    serverClosed: serverOver.promise,
    async [Symbol.asyncDispose]() {
      client.abort();
      await stack.disposeAsync();
      await over.promise;
    },
  };
}

function say(client: Connection, text: string): void {
  client.write(Buffer.from(text));
}

test("what a stalled proxy holds back comes in order once it flows", async () => {
  await using one = await echo();
  say(one.client, "a");
  await one.hears(1);
  one.proxy.stall("to_server");
  say(one.client, "b");
  say(one.client, "c");
  await using other = await echo();
  say(other.client, "x");
  await other.hears(1);
  assertEquals(one.heard(), "a");
  one.proxy.flow();
  await one.hears(3);
  assertEquals(one.heard(), "abc");
});

test("a delayed proxy brings every chunk later, in order", async () => {
  await using one = await echo();
  one.proxy.delay(30);
  const started = performance.now();
  for (const letter of "abcde") say(one.client, letter);
  await one.hears(5);
  assert(performance.now() - started >= 55, "both ways were to be delayed");
  assertEquals(one.heard(), "abcde");
});

test("a proxy that cuts after some bytes lets exactly those through", async () => {
  await using one = await echo();
  one.proxy.cutAfter(3);
  say(one.client, "abcdef");
  await one.closed;
  assertEquals(one.heard(), "abc");
});

test("a half-open proxy breaks one side, and the other is not told", async () => {
  await using one = await echo();
  say(one.client, "a");
  await one.hears(1);
  one.proxy.halfOpen("client");
  await one.serverClosed;
  say(one.client, "b");
  await using other = await echo();
  say(other.client, "x");
  await other.hears(1);
  assertEquals(await Promise.race([one.closed, Promise.resolve("open")]), "open");
  assertEquals(one.heard(), "a");
});

test("a fault that is kept to marked connections leaves the others alone", async () => {
  await using one = await echo({ mark: "subscribe" });
  say(one.client, "SUBSCRIBE x");
  await one.hears(11);
  assertEquals(one.proxy.marked, 1);
  one.proxy.stall("both", { only: "marked" });
  const letters: string[] = [];
  const heard = new Signal<void>();
  const unmarked = await systemDriver().connect(one.proxy.address as Address, {
    data(_, chunk) {
      letters.push(Buffer.from(chunk).toString());
      heard.fire();
    },
    close: () => undefined,
  });
  say(one.client, "held");
  say(unmarked, "passes");
  await heard.wait("the answer");
  unmarked.abort();
  assertEquals([letters.join(""), one.heard()], ["passes", "SUBSCRIBE x"]);
});
