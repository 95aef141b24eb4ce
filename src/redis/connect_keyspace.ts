import { withDeadline } from "../async/mod.ts";
import { toArgument } from "./client.ts";
import type { RedisClient, RedisOptions, RedisValue } from "./contract.ts";
import type { RedisKeyspace } from "./keyspace.ts";
import { type RedisScript, type RunScriptOptions, sendScript, settingsOf } from "./script.ts";
import { openSender, type Sender } from "./sender.ts";

/** A command to one server. */
export type ServerCommand = (args: readonly RedisValue[]) => Promise<unknown>;

/** Options for {@linkcode connectKeyspace}. */
export interface KeyspaceOptions extends RedisOptions {
  /**
   * Looks at a server when it is connected to, and at every probe of it. Where it rejects with a {@linkcode RedisError} the connection is lost, and made
   * anew once the server will do. @default {every server will do}
   */
  readonly check?: ((command: ServerCommand) => Promise<void>) | undefined;
}

/**
 * Connects to whatever Redis is behind an address.
 *
 * - Resolves when every server that owns keys answers. After that a lost connection is made anew without end; meanwhile commands reject at
 *   once.
 * - Behind Sentinel it is always the master; of a Cluster all masters. A server that has become a replica counts as lost.
 *
 * @param url `redis://[USER[:PASSWORD]@]HOST:PORT[/DATABASE]`, `unix:///PATH`,
 *   `redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/NAME[/DATABASE]` with sentinels, or
 *   `redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT` with some of the nodes; `rediss` instead of `redis` for TLS.
 * @throws {RedisError} `bad_url`; `unreachable`, `timeout` or `rejected` when it cannot connect the first time.
 */
export async function connectKeyspace(url: string, options: KeyspaceOptions = {}): Promise<RedisKeyspace> {
  const histories = new WeakMap<RedisClient, string>();
  const readHistory = async (client: RedisClient): Promise<void> => {
    const info = String(await client.sendCommand(["INFO", "replication"]));
    histories.set(client, /master_replid:(\w+)/.exec(info)?.[1] ?? "");
  };
  const look = async (client: RedisClient): Promise<void> => {
    await readHistory(client);
    await options.check?.((args) => client.sendCommand(args.map(toArgument)));
  };
  const use = {
    prepare: async (client: RedisClient): Promise<void> => {
      // Refused while it loads its data.
      await client.ping();
      await look(client);
    },
    probe: look,
  };
  return new Keyspace(await openSender(url, use, options), options, histories);
}

class Keyspace implements RedisKeyspace {
  readonly #sender: Sender;
  readonly #options: RedisOptions;
  readonly #histories: WeakMap<RedisClient, string>;

  constructor(sender: Sender, options: RedisOptions, histories: WeakMap<RedisClient, string>) {
    this.#sender = sender;
    this.#options = options;
    this.#histories = histories;
  }

  get kind(): "one" | "cluster" {
    return this.#sender.kind;
  }

  get shownUrl(): string {
    return this.#sender.shownUrl;
  }

  get isUp(): boolean {
    return this.#sender.isUp;
  }

  command(key: string, args: readonly RedisValue[], options: RunScriptOptions = {}): Promise<unknown> {
    const sent = this.#sender.send(key, args.map(toArgument), settingsOf(options));
    return this.#inTime(sent, `run ${args[0]}`, options);
  }

  script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisValue[],
    options: RunScriptOptions = {},
  ): Promise<unknown> {
    const [key = ""] = keys;
    const sent = sendScript(
      (command, settings) => this.#sender.send(key, command, settings),
      script,
      keys,
      args,
      options,
    );
    return this.#inTime(sent, "run a script", options);
  }

  history(key: string): string {
    const link = this.#sender.linkOf(key);
    return link?.isUp ? (this.#histories.get(link.client) ?? "") : "";
  }

  eachMaster<T>(
    work: (command: (args: readonly RedisValue[]) => Promise<unknown>) => Promise<T>,
  ): Promise<readonly T[]> {
    const links = this.#sender.links();
    return Promise.all(
      links.map((link) =>
        work((args) => link.ask(`run ${args[0]}`, (client) => client.sendCommand(args.map(toArgument)))),
      ),
    );
  }

  close(): Promise<void> {
    return this.#sender.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #inTime(sent: Promise<unknown>, action: string, { deadlineMs }: RunScriptOptions): Promise<unknown> {
    try {
      return await withDeadline(sent, deadlineMs ?? this.#sender.deadlineMs, action, this.#options.clock);
    } catch (error) {
      throw this.#sender.translate(error, action);
    }
  }
}
