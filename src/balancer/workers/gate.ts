import type { Accept, Address, Driver, Listener, ListenOptions } from "../../net/mod.ts";
import { judgeCrowd } from "../frontend/descriptors.ts";

/** Options for {@linkcode AcceptingGate}. */
export interface GateOptions {
  /** How many share the descriptors of this process. */
  readonly shares: number;
  /** How full it is. @default {judgeCrowd} */
  readonly judge?: (shares: number) => "crowded" | "between" | "roomy";
  /** It accepts no more clients, or does so again. Must not throw. */
  readonly onChange: (isOpen: boolean) => void;
  /** It cannot listen again; it will be tried once more at the next check. Must not throw. */
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/**
 * Listens on addresses that others share, and lets these alone have new clients while descriptors are scarce here.
 *
 * A socket that listens gets its part of the clients whether anybody accepts them or not, so it is closed, and opened again when there is
 * room. Clients that the system has connected and nobody has accepted by then are reset: few, as accepting goes on until then.
 */
export class AcceptingGate {
  readonly #options: GateOptions;
  readonly #doors = new Set<Door>();
  #isOpen = true;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** A driver that listens through this gate. */
  over(driver: Driver): Driver {
    return {
      name: driver.name,
      connect: driver.connect.bind(driver),
      listen: (address, accept, options) => this.#listen(driver, address, accept, options),
    };
  }

  /** Looks how full it is. To be called once in a while, too, as descriptors become free. */
  check(): void {
    const { shares, judge = judgeCrowd, onChange, onError } = this.#options;
    const crowd = judge(shares);
    const isOpen = crowd === "between" ? this.#isOpen : crowd === "roomy";
    if (isOpen !== this.#isOpen) onChange(isOpen);
    this.#isOpen = isOpen;
    for (const door of this.#doors)
      door.set(isOpen).catch((error: unknown) => onError(error, { during: "listen again" }));
  }

  /** Resolves when all listeners are as the last check wanted, or could not become so. */
  async settled(): Promise<void> {
    await Promise.allSettled(Array.from(this.#doors, (door) => door.set(this.#isOpen)));
  }

  async #listen(
    driver: Driver,
    address: Address,
    accept: Accept,
    options: ListenOptions = {},
  ): Promise<Listener> {
    const checked: Accept = (connection) => {
      const handler = accept(connection);
      this.check();
      return handler;
    };
    const listen = (at: Address): Promise<Listener> =>
      driver.listen(at, checked, { ...options, reusePort: true });
    const door = new Door(await listen(address), listen);
    this.#doors.add(door);
    const close = async (): Promise<void> => {
      this.#doors.delete(door);
      await door.close();
    };
    return { address: door.address, close, [Symbol.asyncDispose]: close };
  }
}

/** A listener that can be closed and opened again. */
class Door {
  readonly address: Address;
  readonly #listen: (address: Address) => Promise<Listener>;
  #listener: Listener | undefined;
  #isWanted = true;
  #isClosed = false;
  #changing: Promise<void> | undefined;

  constructor(listener: Listener, listen: (address: Address) => Promise<Listener>) {
    this.address = listener.address;
    this.#listener = listener;
    this.#listen = listen;
  }

  /** Resolves when it is as was last wanted. */
  set(isOpen: boolean): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isWanted = isOpen;
    this.#changing ??= this.#change().finally(() => {
      this.#changing = undefined;
    });
    return this.#changing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isWanted = false;
    await this.#changing?.catch(() => undefined);
    await this.#listener?.close();
  }

  async #change(): Promise<void> {
    while (this.#isWanted !== (this.#listener !== undefined)) {
      const listener = this.#listener;
      this.#listener = undefined;
      if (listener) await listener.close();
      else this.#listener = await this.#listen(this.address);
    }
  }
}
