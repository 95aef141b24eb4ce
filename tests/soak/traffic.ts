import { wait } from "../../src/async/mod.ts";
import type { Ledger, Sight } from "../faults/ledger.ts";
import { joinChat, type Person, register } from "../faults/people.ts";
import { RawClient } from "../helpers.ts";
import type { SoakFault, SoakWorld } from "./contract.ts";
import type { Random } from "./random.ts";

/** Milliseconds between two sends of a user, at most. */
const PAUSE_MS = 400;
const GROUP_MEMBERS = 8;
const MAX_UNANSWERED = 200;

/** A user who writes all the time, and whose client is replaced now and then. */
interface Writer {
  readonly name: string;
  readonly sight: Sight;
  person: Person;
  unanswered: number;
}

/** Users who write to each other and to groups until told to stop. */
export class Traffic implements AsyncDisposable {
  readonly #world: SoakWorld;
  readonly #ledger: Ledger;
  readonly #writers: Writer[];
  readonly #groups: ReadonlyMap<string, readonly string[]>;
  readonly #stop = new AbortController();
  /** Clients that gave up by themselves, with the reason. */
  readonly #ended: string[] = [];
  readonly #loops: Promise<void>[];
  readonly #sends = new Set<Promise<void>>();

  private constructor(
    world: SoakWorld,
    ledger: Ledger,
    writers: Writer[],
    groups: ReadonlyMap<string, readonly string[]>,
    random: Random,
  ) {
    this.#world = world;
    this.#ledger = ledger;
    this.#writers = writers;
    this.#groups = groups;
    this.#loops = writers.map((writer) => this.#write(writer, random.branch()));
    for (const writer of writers) this.#watch(writer);
  }

  /** Makes the accounts and groups, logs everybody in and lets them write. */
  static async start(world: SoakWorld, ledger: Ledger, users: number, random: Random): Promise<Traffic> {
    const names = Array.from({ length: users }, (_, index) => `user${index}`);
    await register(world.addresses[0], names);
    const groups = await makeGroups(world, names);
    for (const [group, members] of groups) ledger.group(group, members);
    const writers = await Promise.all(
      names.map(async (name, index): Promise<Writer> => {
        const sight = ledger.device(name, "phone");
        const person = await joinChat(from(world, index), name, ledger, { sight, maxUnsent: 100_000 });
        return { name, sight, person, unanswered: 0 };
      }),
    );
    return new Traffic(world, ledger, writers, groups, random);
  }

  /** Replacing a client by another one of the same device, which goes on from its cursor and knows what it has shown. */
  get fault(): SoakFault {
    return {
      name: "client replaced",
      weight: 4,
      target: "a client",
      run: async (random) => {
        const writer = random.pick(this.#writers);
        const { client } = writer.person;
        await client.close();
        const { cursor, recent } = client;
        const addresses = from(this.#world, Math.floor(random.between(0, 2)));
        const options = { sight: writer.sight, cursor, recent, maxUnsent: 100_000 };
        writer.person = await joinChat(addresses, writer.name, this.#ledger, options);
        this.#watch(writer);
      },
    };
  }

  /** Begins no more sends, and waits until it is known what became of those under way. */
  async finish(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await Promise.all(this.#sends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#writers.map(({ person }) => person.client.close()));
    await Promise.all(this.#loops);
  }

  /** Clients that gave up by themselves, with the reason: none of them was to. */
  get ended(): readonly string[] {
    return this.#ended;
  }

  #watch({ name, person }: Writer): void {
    // Owned by the client, which is closed at the end.
    void person.client.closed.then((end) => {
      if (end !== "closed") this.#ended.push(`the client of ${name} is ${end}`);
    });
  }

  async #write(writer: Writer, random: Random): Promise<void> {
    const { signal } = this.#stop;
    const names = this.#writers.map(({ name }) => name);
    const groups = [...this.#groups].flatMap(([group, members]) =>
      members.includes(writer.name) ? [group] : [],
    );
    while (!signal.aborted) {
      const isGroup = groups.length > 0 && random.between(0, 1) < 0.2;
      const to = random.pick(isGroup ? groups : names);
      if (writer.unanswered < MAX_UNANSWERED) this.#say(writer, to);
      await wait(random.between(0, PAUSE_MS), { signal }).catch(() => undefined);
    }
  }

  #say(writer: Writer, to: string): void {
    writer.unanswered += 1;
    const send = writer.person.say(to).then(() => {
      writer.unanswered -= 1;
      this.#sends.delete(send);
    });
    this.#sends.add(send);
  }
}

/** The addresses of the world, another one first for each. */
function from({ addresses }: SoakWorld, turn: number): SoakWorld["addresses"] {
  return turn % 2 === 0 ? addresses : ([...addresses].reverse() as unknown as SoakWorld["addresses"]);
}

async function makeGroups(
  { addresses }: SoakWorld,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const groups = new Map<string, readonly string[]>();
  for (let start = 0; start + GROUP_MEMBERS <= names.length; start += GROUP_MEMBERS)
    groups.set(`#group${groups.size}`, names.slice(start, start + GROUP_MEMBERS));
  for (const [group, members] of groups) {
    for (const name of members) {
      await using client = await RawClient.connect(addresses[0]);
      await client.ask({ type: "login", name, password: "secret", device: "phone" });
      const request = name === members[0] ? { type: "group.create", mode: "open" } : { type: "group.join" };
      const answer = await client.ask({ ...request, group });
      if (answer.type !== "ok") throw new Error(`Cannot make ${group}: ${JSON.stringify(answer)}`);
    }
  }
  return groups;
}
