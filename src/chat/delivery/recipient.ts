import type { Link } from "../session/link.ts";

/** The session that a delivery is for. */
export interface Recipient {
  /** The session's id. */
  readonly id: string;
  readonly user: string;
  readonly device: string;
  /** The number that the client gives this login. */
  readonly attempt: number | undefined;
  readonly link: Link;
  /** A newer login of the same device has come, here or on another server. */
  replaced(): void;
  /** The user, or an operator, has ended the session. */
  loggedOut(): void;
}
