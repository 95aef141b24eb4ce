import { assertEquals, assertRejects } from "@std/assert";
import {
  type ChatClientOptions,
  ChatError,
  type ChatMessage,
  type ClientEnd,
  connectChat,
} from "../../src/chat/mod.ts";
import type { Address } from "../../src/net/mod.ts";
import { type FaultProxy, faultProxy } from "../fault_proxy.ts";
import { RawClient, Signal } from "../helpers.ts";
import { type ChatServers, chatServers } from "./chat_servers.ts";
import { eachWay, type Way } from "./client/ways.ts";

/** Makes an account. */
async function register(way: Way, address: Address, name: string): Promise<void> {
  await using client = await (way.name === "TCP" ? RawClient.connect : RawClient.open)(address);
  await client.ask({ type: "register", name, password: "secret" });
}

/** A client that keeps the texts of its messages and tells when it has `count`. */
async function listener(
  way: Way,
  address: Address,
  name: string,
  count: number,
  more: Partial<ChatClientOptions> = {},
) {
  const texts: string[] = [];
  const complete = new Signal<void>();
  const handler = {
    ...more.handler,
    message(message: ChatMessage): void {
      texts.push(message.text);
      if (texts.length === count) complete.fire();
    },
  };
  const client = await connectChat({ ...optionsFor(way, address, name), ...more, handler });
  return { client, texts, complete, [Symbol.asyncDispose]: () => client.close() };
}

function optionsFor(way: Way, address: Address, name: string): ChatClientOptions {
  return { dial: way.dial(address), credentials: { name, password: "secret" } };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

/** Cuts the proxy's connections whenever another part of what is expected has come. */
function cutAt(proxy: FaultProxy, parts: readonly number[], seen: () => number): () => void {
  const left = [...parts];
  return () => {
    if (left[0] === undefined || seen() < left[0]) return;
    left.shift();
    proxy.cut();
  };
}

async function start(way: Way): Promise<{ cluster: ChatServers; proxy: FaultProxy } & AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(await chatServers(2, { web: {} }));
  const proxy = stack.use(await faultProxy(way.at(cluster, 1)));
  for (const name of ["ada", "bob"]) await register(way, way.at(cluster, 0), name);
  return { cluster, proxy, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

eachWay(
  "a ChatClient whose connection is cut again and again shows every message once and in order",
  async (way) => {
    await using world = await start(way);
    const texts: string[] = [];
    const cut = cutAt(world.proxy, [20, 90, 150, 151], () => texts.length);
    const complete = new Signal<void>();
    await using bob = await connectChat({
      ...optionsFor(way, world.proxy.address, "bob"),
      handler: {
        message({ text }) {
          texts.push(text);
          cut();
          if (texts.length === 200) complete.fire();
        },
      },
    });
    await using ada = await connectChat(optionsFor(way, way.at(world.cluster, 0), "ada"));
    await Promise.all(numbers(200).map((text) => ada.send("bob", text)));
    await complete.wait("200 messages");
    assertEquals(texts, numbers(200));
    assertEquals(bob.user, "bob");
  },
);

eachWay(
  "sends whose answers were lost go again with their ids and are stored once, in order",
  async (way) => {
    await using world = await start(way);
    await using bob = await listener(way, way.at(world.cluster, 0), "bob", 50);
    await using ada = await connectChat(optionsFor(way, world.proxy.address, "ada"));
    world.proxy.swallowAnswers();
    const sent = numbers(50).map((text) => ada.send("bob", text));
    await bob.complete.wait("50 messages");
    world.proxy.cut();
    const answers = await Promise.all(sent);
    assertEquals(
      answers.map(({ seq }) => seq),
      numbers(50).map((text) => Number(text) + 1),
    );
    assertEquals(
      answers.every(({ duplicate }) => duplicate),
      true,
    );
    assertEquals(bob.texts, numbers(50));
  },
);

eachWay("what is sent while there is no connection goes out with the next one", async (way) => {
  await using world = await start(way);
  const offline = new Signal<void>();
  await using bob = await listener(way, way.at(world.cluster, 0), "bob", 3);
  await using ada = await connectChat({
    ...optionsFor(way, world.proxy.address, "ada"),
    handler: { offline: offline.fire },
  });
  world.proxy.cut();
  await offline.wait("the loss of the connection");
  const answers = await Promise.all(numbers(3).map((text) => ada.send("bob", text)));
  assertEquals(
    answers.map(({ seq }) => seq),
    [1, 2, 3],
  );
  await bob.complete.wait("3 messages");
});

eachWay("a later client of the same device goes on where its cursor says", async (way) => {
  await using world = await start(way);
  await using ada = await connectChat(optionsFor(way, way.at(world.cluster, 0), "ada"));
  const first = await listener(way, way.at(world.cluster, 0), "bob", 2, { device: "phone" });
  await ada.send("bob", "0");
  await ada.send("bob", "1");
  await first.complete.wait("2 messages");
  const { cursor } = first.client;
  await first.client.close();
  await ada.send("bob", "2");
  await using second = await listener(way, way.at(world.cluster, 1), "bob", 1, { device: "phone", cursor });
  await second.complete.wait("one message");
  assertEquals(second.texts, ["2"]);
});

eachWay("sends faster than the limit arrive all the same, in order", async (way) => {
  await using cluster = await chatServers(1, { web: {}, limits: { messagesPerSecond: 50 } });
  for (const name of ["ada", "bob"]) await register(way, way.at(cluster, 0), name);
  await using bob = await listener(way, way.at(cluster, 0), "bob", 130);
  await using ada = await connectChat(optionsFor(way, way.at(cluster, 0), "ada"));
  await Promise.all(numbers(130).map((text) => ada.send("bob", text)));
  await bob.complete.wait("130 messages");
  assertEquals(bob.texts, numbers(130));
});

eachWay(
  "a send that is refused rejects with the server's code and does not hold up the others",
  async (way) => {
    await using world = await start(way);
    await using ada = await connectChat(optionsFor(way, way.at(world.cluster, 0), "ada"));
    const refused = assertRejects(() => ada.send("nobody", "x"), ChatError);
    const taken = ada.send("bob", "x");
    assertEquals([(await refused).code, (await taken).seq], ["unknown_user", 1]);
  },
);

eachWay("connectChat() rejects when the login is refused", async (way) => {
  await using world = await start(way);
  const options = optionsFor(way, way.at(world.cluster, 0), "ada");
  const error = await assertRejects(
    () => connectChat({ ...options, credentials: { name: "ada", password: "wrong" } }),
    ChatError,
  );
  assertEquals(error.code, "bad_credentials");
});

eachWay("connectChat() goes on trying until its signal is aborted", async (way) => {
  const dead = { host: "127.0.0.1", port: 1 };
  const reason = new Error("enough");
  const options = { ...optionsFor(way, dead, "ada"), signal: AbortSignal.timeout(300) };
  const error = await assertRejects(() => connectChat(options), Error);
  assertEquals(error === reason, false);
  assertEquals(error.name, "TimeoutError");
});

eachWay("a client that is replaced by its own device ends and does not come back", async (way) => {
  await using world = await start(way);
  const first = await connectChat({ ...optionsFor(way, way.at(world.cluster, 0), "ada"), device: "phone" });
  await using second = await connectChat({
    ...optionsFor(way, way.at(world.cluster, 1), "ada"),
    device: "phone",
  });
  const end: ClientEnd = await first.closed;
  assertEquals(end, "replaced");
  assertEquals((await second.send("bob", "x")).seq, 1);
  assertEquals((await assertRejects(() => first.send("bob", "y"), ChatError)).code, "closed");
});

eachWay("a client whose server drains moves to another one and loses nothing", async (way) => {
  await using world = await start(way);
  const moved = new Signal<string>();
  const handler = { online: (server: string) => void (server === "s0" && moved.fire(server)) };
  await using bob = await listener(way, world.proxy.address, "bob", 100, { handler });
  await using ada = await connectChat(optionsFor(way, way.at(world.cluster, 0), "ada"));
  const sent = numbers(100).map(async (text, index) => {
    if (index !== 50) return await ada.send("bob", text);
    world.proxy.target = way.at(world.cluster, 0);
    const sending = ada.send("bob", text);
    void world.cluster.servers[1]?.close(500);
    return await sending;
  });
  await Promise.all(sent);
  await bob.complete.wait("100 messages");
  assertEquals(await moved.wait("the move to the other server"), "s0");
  assertEquals(bob.texts, numbers(100));
});

eachWay(
  "a send whose frame would be too long is refused by itself, and those behind it go on",
  async (way) => {
    await using world = await start(way);
    const at = way.at(world.cluster, 0);
    let logins = 0;
    await using ada = await connectChat({
      ...optionsFor(way, at, "ada"),
      handler: {
        online() {
          logins += 1;
        },
      },
    });
    await using bob = await listener(way, at, "bob", 2);
    const quotes = '"'.repeat(32_700);
    const long = ["a".repeat(70_000), "\0".repeat(20_480), `${quotes}${"a".repeat(200)}`];
    const refused = long.map((text) => assertRejects(() => ada.send("bob", text), ChatError, "65536 bytes"));
    const fits = [quotes, "after them"].map((text) => ada.send("bob", text));
    await Promise.all([...refused, ...fits]);
    await bob.complete.wait("both messages");
    assertEquals(bob.texts, [quotes, "after them"]);
    assertEquals(logins, 1);
  },
);
