/**
 * Many users who write to each other at once.
 *
 * @module
 */
import { type ChatClient, type ChatMessage, connectChat, tcpDial } from "../../src/chat/mod.ts";
import { type Address, systemDriver } from "../../src/net/mod.ts";
import { RawClient, Signal } from "../helpers.ts";

/** Sends of one user that wait for their answers at once. */
const AHEAD = 3;

/** A crowd whose members write to each other in pairs. */
export interface Crowd extends AsyncDisposable {
  /** Each sends `count` numbered messages to its partner. `onAnswer` is told how many were answered so far. */
  exchange(count: number, onAnswer: (answered: number) => void): Promise<void>;
  /** Waits until all have come, and gives the texts that each received from its partner, in the order they came. */
  complete(): Promise<readonly (readonly string[])[]>;
}

/** Registers `size` users and connects a client for each. */
export async function gather(address: Address, size: number): Promise<Crowd> {
  const stack = new AsyncDisposableStack();
  const names = Array.from({ length: size }, (_, index) => `user${index}`);
  const received = names.map((): string[] => []);
  const isComplete = new Signal<void>();
  let expected = Number.POSITIVE_INFINITY;
  let answered = 0;

  async function enter(name: string, index: number): Promise<ChatClient> {
    await (await RawClient.login(address, name, { device: "setup" }))[Symbol.asyncDispose]();
    const message = ({ from, text }: ChatMessage): void => {
      if (from === name) return;
      received[index]?.push(text);
      if (received.every((texts) => texts.length >= expected)) isComplete.fire();
    };
    const credentials = { name, password: "secret" };
    const dial = tcpDial(systemDriver(), [address]);
    return stack.use(await connectChat({ dial, credentials, device: "test", handler: { message } }));
  }
  const clients = await Promise.all(names.map(enter));

  async function write(
    client: ChatClient,
    to: string,
    count: number,
    onAnswer: (answered: number) => void,
  ): Promise<void> {
    const send = async (number: number): Promise<void> => {
      await client.send(to, String(number));
      answered += 1;
      onAnswer(answered);
    };
    for (let number = 0; number < count; number += AHEAD) {
      const ahead = Array.from({ length: Math.min(AHEAD, count - number) }, (_, offset) =>
        send(number + offset),
      );
      await Promise.all(ahead);
    }
  }
  return {
    async exchange(count, onAnswer) {
      expected = count;
      await Promise.all(
        clients.map((client, index) => write(client, names[index ^ 1] ?? "", count, onAnswer)),
      );
    },
    async complete() {
      await isComplete.wait(`all messages; so far ${received.map((texts) => texts.length)}`);
      return received;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
