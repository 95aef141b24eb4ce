/**
 * What the suite of the server models runs against, and its clients.
 *
 * @module
 */
import { type Address, type Connection, nodeDriver } from "../../src/net/mod.ts";
import {
  type End,
  type ModelName,
  type ModelOptions,
  type ModelServer,
  models,
} from "../../src/server/mod.ts";
import { Recorder } from "../net/recording.ts";

/** One model in one of its forms. */
export interface Subject {
  readonly name: string;
  readonly model: ModelName;
  readonly spread?: "hand-over";
  /** What it cannot do, by the name of the test, with the reason. */
  readonly gaps: Readonly<Record<string, string>>;
}

/** A server under test, and what it has reported. */
export interface Served extends AsyncDisposable {
  readonly server: ModelServer;
  readonly errors: string[];
  readonly ends: { readonly end: End; readonly delayMs: number }[];
}

const HANDLER = new URL("./model/subject_handler.ts", import.meta.url).href;

/** Starts a subject. With one worker and 100 ms of grace unless told otherwise: a test may leave its clients to the end. */
export async function serve(
  subject: Subject,
  options: Partial<ModelOptions> = {},
  handler: string = HANDLER,
): Promise<Served> {
  const errors: string[] = [];
  const ends: Served["ends"] = [];
  const { spread } = subject;
  const server = await models[subject.model](handler, {
    listen: { host: "127.0.0.1", port: 0 },
    workers: 1,
    graceMs: 100,
    ...(spread && { spread }),
    onError: ({ message }) => void errors.push(message),
    onEnd: (end, delayMs) => void ends.push({ end, delayMs }),
    ...options,
  });
  return { server, errors, ends, [Symbol.asyncDispose]: () => server.close() };
}

/** A client that keeps what it hears. */
export class Client implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly connection: Connection;

  private constructor(connection: Connection, recorder: Recorder) {
    this.connection = connection;
    this.recorder = recorder;
  }

  static async connect(address: Address): Promise<Client> {
    const recorder = new Recorder();
    return new Client(await nodeDriver().connect(address, recorder), recorder);
  }

  /** Sends a text and waits for as many bytes, or for the answer's first ones. */
  async ask(text: string): Promise<string> {
    const { recorder } = this;
    const before = recorder.bytes;
    this.say(text);
    const more = recorder.received(before + 1);
    const isAnswered = await Promise.race([more.then(() => true), recorder.closed.then(() => false)]);
    more.catch(() => undefined);
    if (!isAnswered) throw new Error(`closed instead of an answer to ${text}`);
    return recorder.text.slice(before);
  }

  say(text: string): void {
    this.connection.write(new TextEncoder().encode(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.abort();
    await this.recorder.closed;
  }
}
