import { type ClientEnd, webSocketDial } from "../../../src/chat/mod.ts";
import { type Desk, openDesk } from "../../../src/chat/web/page/desk.ts";
import { type Address, formatAddress } from "../../../src/net/mod.ts";
import { RawClient, Signal } from "../../helpers.ts";

/** A desk whose changes can be waited for. */
export class Watched implements AsyncDisposable {
  readonly desk: Desk;
  readonly spoken: string[];
  readonly end: Signal<ClientEnd>;
  readonly #looks: Set<() => void>;

  private constructor(parts: Pick<Watched, "desk" | "spoken" | "end"> & { looks: Set<() => void> }) {
    this.desk = parts.desk;
    this.spoken = parts.spoken;
    this.end = parts.end;
    this.#looks = parts.looks;
  }

  static async open(address: Address, name: string): Promise<Watched> {
    await using raw = await RawClient.open(address);
    await raw.ask({ type: "register", name, password: "secret" });
    const looks = new Set<() => void>();
    const spoken: string[] = [];
    const end = new Signal<ClientEnd>();
    const desk = await openDesk({
      dial: webSocketDial([`ws://${formatAddress(address)}/ws`]),
      credentials: { name, password: "secret" },
      device: `page-${name}`,
      onChange: () => {
        for (const look of [...looks]) look();
      },
      onSpoken: (words) => void spoken.push(words),
      onEnd: end.fire,
    });
    return new Watched({ desk, spoken, end, looks });
  }

  /** Waits until the desk shows something. */
  async shows(what: string, look: (desk: Desk) => boolean): Promise<void> {
    const seen = new Signal<void>();
    const check = (): void => void (look(this.desk) && seen.fire());
    this.#looks.add(check);
    check();
    await seen.wait(what);
    this.#looks.delete(check);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.desk.leave();
  }
}
