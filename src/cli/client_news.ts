import type {
  AnnouncementEvent,
  EventHandler,
  FriendEvent,
  GroupEvent,
  PresenceEvent,
  ReceiptEvent,
  SignalEvent,
} from "../chat/mod.ts";
import { printable, type Screen } from "./client_screen.ts";

/** The most characters of a signal that are shown. */
const MAX_SIGNAL = 200;
/** The most conversations that the line after a login names. */
const MAX_LISTED = 20;
/** Conversations whose last own message is remembered, to say when it has come. */
const MAX_CONVERSATIONS = 1000;

/** The last message of one's own in a conversation, and what was said of it. */
interface LastSent {
  readonly seq: number;
  shown: "nothing" | "delivered" | "read";
}

/** Shows what happens beside messages, as lines of the program itself. */
export class News implements EventHandler {
  readonly #screen: Screen;
  readonly #self: string;
  readonly #sent = new Map<string, LastSent>();

  /** @param self The user's own name. */
  constructor(screen: Screen, self: string) {
    this.#screen = screen;
    this.#self = self;
  }

  /** A message of the user's own was stored: of older ones nothing is told any more. */
  sent(conversation: string, seq: number): void {
    if ((this.#sent.get(conversation)?.seq ?? 0) >= seq) return;
    this.#sent.delete(conversation);
    this.#sent.set(conversation, { seq, shown: "nothing" });
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > MAX_CONVERSATIONS && oldest !== undefined) this.#sent.delete(oldest);
  }

  /** What is not read yet, by the peer, after a login. */
  unread(counts: ReadonlyMap<string, number>): void {
    const listed = Array.from(counts, ([peer, count]) => `${peer} ${count}`);
    const rest = listed.splice(MAX_LISTED).length;
    if (rest > 0) listed.push(`and ${rest} more: /unread lists them`);
    if (listed.length > 0) this.#note(`unread: ${listed.join(", ")}`);
  }

  presence({ name, online }: PresenceEvent): void {
    this.#note(`${name} is ${online ? "online" : "offline"}`);
  }

  friend({ name, event }: FriendEvent): void {
    switch (event) {
      case "requested":
        this.#note(`${name} wants to be your friend: /accept ${name}`);
        break;
      case "accepted":
        this.#note(`${name} is your friend now`);
        break;
      case "removed":
        this.#note(`${name} is no friend of yours any more`);
        break;
    }
  }

  group({ group, name, event }: GroupEvent): void {
    const isSelf = name === this.#self;
    const subject = isSelf ? "you" : name;
    switch (event) {
      case "invited":
        this.#note(
          isSelf ? `you are invited to ${group}: /join ${group}` : `${name} was invited to ${group}`,
        );
        break;
      case "joined":
        this.#note(`${subject} joined ${group}`);
        break;
      case "left":
        this.#note(`${subject} left ${group}`);
        break;
      case "removed":
        this.#note(`${subject} ${isSelf ? "were" : "was"} removed from ${group}`);
        break;
      case "deleted":
        this.#note(`${subject} deleted ${group}`);
        break;
    }
  }

  /** Tells of the last message that was sent, once when it came and once when it was read; to people only. */
  receipt({ conversation, name, delivered = 0, read = 0 }: ReceiptEvent): void {
    const last = this.#sent.get(conversation);
    if (!this.#screen.isInteractive || !last || name === this.#self) return;
    if (read >= last.seq && last.shown !== "read") {
      last.shown = "read";
      this.#note(`✓✓ ${name} has read it`);
    } else if (delivered >= last.seq && last.shown === "nothing") {
      last.shown = "delivered";
      this.#note(`✓ ${name} has got it`);
    }
  }

  signal({ from, to, data }: SignalEvent): void {
    const place = to.startsWith("#") ? ` in ${to}` : "";
    this.#note(`${from}${place} signals ${JSON.stringify(data).slice(0, MAX_SIGNAL)}`);
  }

  announcement({ text }: AnnouncementEvent): void {
    this.#note(`to everybody: ${text}`);
  }

  #note(line: string): void {
    this.#screen.note(`— ${printable(line)}`);
  }
}
