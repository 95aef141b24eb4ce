import type { Address, Listener, TcpAddress } from "../../net/mod.ts";
import { findFree, listenForNobody } from "./reactors.ts";

/** The ports that several are to share, until they listen there: the system would give one to whoever asks next, or for a connection of theirs. */
export class HeldPorts {
  readonly #listeners = new Set<Listener>();

  /**
   * Does what {@linkcode findFree} does, and where port 0 was asked for holds the one that it finds.
   *
   * @returns The address with its real port. @throws {NetError} As {@linkcode Driver.listen}.
   */
  async find(address: TcpAddress): Promise<Address> {
    if (address.port !== 0) {
      await findFree(address);
      return address;
    }
    const listener = await listenForNobody(address, { reusePort: true });
    this.#listeners.add(listener);
    return listener.address;
  }

  /** Lets all go: they are listened on, or will not be. */
  async release(): Promise<void> {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}
