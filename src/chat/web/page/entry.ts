import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { html, typed } from "./html.ts";

/** What somebody enters with. */
export interface Entering {
  readonly name: string;
  readonly password: string;
  /** Whether there is no account yet. */
  readonly isNew: boolean;
}

/** Options for {@linkcode Entry}. */
export interface EntryOptions {
  /** Why somebody is here who was inside before. */
  readonly notice: string;
  readonly isBusy: boolean;
  readonly onEnter: (entering: Entering) => void;
}

/** The form to log in with, or to make an account. */
export function Entry({ notice, isBusy, onEnter }: EntryOptions): VNode {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [isNew, setIsNew] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    onEnter({ name, password, isNew });
  };
  const secret = isNew ? "new-password" : "current-password";
  return html`<main class="entry">
    <h1>Chorus</h1>
    <p role="alert" class="bad">${notice}</p>
    <form onSubmit=${submit} aria-label=${isNew ? "Make an account" : "Log in"}>
      <label>Name
        <input name="name" autocomplete="username" autocapitalize="none" spellcheck=${false} required maxlength="32"
          value=${name} onInput=${(event: Event) => setName(typed(event))} />
      </label>
      <label>Password
        <input name="password" type="password" autocomplete=${secret} required
          value=${password} onInput=${(event: Event) => setPassword(typed(event))} />
      </label>
      <button class="main" disabled=${isBusy}>${isNew ? "Make an account" : "Log in"}</button>
    </form>
    <button type="button" onClick=${() => setIsNew(!isNew)}>
      ${isNew ? "I have an account" : "I have no account yet"}
    </button>
  </main>`;
}
