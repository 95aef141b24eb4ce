import type { Timer } from "../../async/mod.ts";
import type { Channel } from "../../server/mod.ts";
import { type Admission, type AdmissionOptions, type Guest, localAdmission } from "./admission.ts";
import { ADMISSION_TOPIC, type AdmissionFrame } from "./frame.ts";

/** Counts for servers that listen on one address, so that their limits hold for all of them together. Disposing it stops its timer. */
export interface AdmissionHub extends Disposable {
  /** Serves a child over its channel, on the topic `admission`. When that breaks, its connections are over. */
  attach(channel: Channel): void;
}

/** How often the children are told how many connections the others have, when that has changed, in milliseconds. */
const TELL_MS = 200;

/** Makes the hub of a parent; its children use {@linkcode channelAdmission}. */
export function admissionHub(options: AdmissionOptions): AdmissionHub {
  const admission = localAdmission(options);
  const children = new Set<Child>();

  function look(): void {
    admission.sweep();
    let all = 0;
    for (const { count } of children) all += count;
    for (const child of children) child.tellElsewhere(all - child.count);
    timer = options.clock.after(TELL_MS, look);
  }
  let timer: Timer = options.clock.after(TELL_MS, look);

  return {
    attach(channel) {
      const child = new Child(channel, admission);
      children.add(child);
      void channel.closed.then(() => {
        children.delete(child);
        child.gone();
      });
    },
    [Symbol.dispose]: () => timer.cancel(),
  };
}

/** One of the servers, as its parent counts for it. */
class Child {
  readonly #channel: Channel;
  readonly #admission: Admission;
  readonly #guests = new Map<number, Guest>();
  readonly #refused = new Set<number>();
  #toldElsewhere = 0;

  constructor(channel: Channel, admission: Admission) {
    this.#channel = channel;
    this.#admission = admission;
    channel.on(ADMISSION_TOPIC, (body) => this.#receive(body as AdmissionFrame));
  }

  /** Its connections, but for those that were refused. */
  get count(): number {
    return this.#guests.size - this.#refused.size;
  }

  tellElsewhere(count: number): void {
    if (count === this.#toldElsewhere) return;
    this.#toldElsewhere = count;
    this.#tell({ type: "elsewhere", count });
  }

  /** It has died, and its connections with it. */
  gone(): void {
    for (const number of [...this.#guests.keys()]) this.#leave(number);
  }

  #receive(frame: AdmissionFrame): void {
    switch (frame.type) {
      case "moved":
        for (const [number, host] of frame.entered) this.#enter(number, host);
        for (const number of frame.left) this.#leave(number);
        return;
      case "register":
        // What counts in this process answers at once.
        this.#tell({
          type: "wait",
          number: frame.number,
          waitMs: Number(this.#admission.registerWaitMs(frame.host)),
        });
        return;
      case "refused":
      case "wait":
      case "elsewhere":
        return;
    }
  }

  #enter(number: number, host: string): void {
    const tellRefused = (told: { readonly message?: string }): void => {
      this.#refused.add(number);
      this.#tell({ type: "refused", number, ...told });
    };
    const guest: Guest = {
      link: { host, abort: () => tellRefused({}) },
      refuse: (message) => tellRefused({ message }),
    };
    this.#guests.set(number, guest);
    this.#admission.enter(guest);
  }

  #leave(number: number): void {
    const guest = this.#guests.get(number);
    this.#refused.delete(number);
    if (guest && this.#guests.delete(number)) this.#admission.leave(guest);
  }

  /** What cannot be sent is to a child that is gone, which the channel tells. */
  #tell(frame: AdmissionFrame): void {
    this.#channel.send(ADMISSION_TOPIC, frame);
  }
}
