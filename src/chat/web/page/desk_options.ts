import type { Credentials } from "../../client/credentials.ts";
import type { Dial } from "../../client/dial.ts";
import type { ClientEnd } from "../../client/options.ts";
import type { ClosingReason } from "../../protocol.ts";

/** How the connection is. */
export type Link =
  | { readonly name: "online"; readonly server: string }
  | { readonly name: "leaving"; readonly server: string; readonly reason: ClosingReason }
  | { readonly name: "offline" };

/** Options for {@linkcode openDesk}. */
export interface DeskOptions {
  readonly dial: Dial;
  readonly credentials: Credentials;
  readonly device: string;
  /** Something has changed that may be shown. */
  readonly onChange: () => void;
  /** Something was said that whoever does not look is to hear, too. */
  readonly onSpoken: (words: string) => void;
  /** It is over. @param token What it was logged in with last. */
  readonly onEnd: (end: ClientEnd, token: string | undefined) => void;
}
