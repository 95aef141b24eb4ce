import type { Scope } from "./trend.ts";

/** What whoever looks at the page has chosen and what is under way. One of it, changed by {@linkcode Shell.change}. */
export interface Ui {
  readonly link: Link;
  readonly scope: Scope;
  /** Only backends with this in their name, pool or source. */
  readonly filter: string;
  /** Only backends in this state; empty for all. */
  readonly state: string;
  readonly sort: Sort;
  /** How far the backends are scrolled, and how much of them is seen, in pixels. */
  readonly scroll: { readonly top: number; readonly height: number };
  readonly dialog: Dialog | undefined;
  /** What was last done, or what has failed; read aloud. */
  readonly notice: string;
}

/** How it stands with the server. */
export type Link =
  | { readonly name: "connecting" }
  | { readonly name: "live" }
  | { readonly name: "lost"; readonly words: string }
  /** `isWrong`: the one that was shown was. */
  | { readonly name: "token_needed"; readonly isWrong: boolean };

/** By what backends are sorted. */
export interface Sort {
  readonly by: "none" | "name" | "state" | "connections" | "throughput" | "connect";
  readonly isDescending: boolean;
}

/** What is to be done once it is confirmed. */
export type Action =
  | { readonly kind: "drain" | "undrain"; readonly pool: string; readonly backend: string }
  | { readonly kind: "weight"; readonly pool: string; readonly backend: string; readonly weight: number }
  | { readonly kind: "add"; readonly pool: string }
  | { readonly kind: "drain_pool" | "undrain_pool"; readonly pool: string };

/** What is asked before something is done. */
export interface Dialog {
  readonly action: Action;
  readonly phase:
    | { readonly name: "asking" }
    | { readonly name: "sending" }
    | { readonly name: "failed"; readonly words: string };
}

/** What the page shows before anything is known. */
export const FIRST_UI: Ui = {
  link: { name: "connecting" },
  scope: { kind: "all" },
  filter: "",
  state: "",
  sort: { by: "none", isDescending: false },
  scroll: { top: 0, height: 600 },
  dialog: undefined,
  notice: "",
};

/** What the parts of the page can do. */
export interface Shell {
  /** Changes what is chosen, and shows it. */
  change(change: Partial<Ui>): void;
  /** Asks before something is done. */
  ask(action: Action): void;
  /** It was confirmed, with what was filled in. */
  confirm(action: Action, fields: FormData): void;
  useToken(token: string): void;
}
