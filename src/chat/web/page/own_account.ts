import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ChatError } from "../../client/errors.ts";
import type { Desk } from "./desk.ts";
import { closeAround, Dialog } from "./dialog.ts";
import { wordsOf } from "./friendly.ts";
import { html, typed } from "./html.ts";

/** Options for {@linkcode OwnAccount}. */
export interface OwnAccountOptions {
  readonly desk: Desk;
  /** The login has another token. */
  readonly onToken: () => void;
}

type Phase =
  | { readonly name: "asking"; readonly problem: string }
  | { readonly name: "busy" }
  | { readonly name: "changed" };

/** The user's name, which leads to what can be done with the account. */
export function OwnAccount({ desk, onToken }: OwnAccountOptions): VNode {
  const [isOpen, setIsOpen] = useState(false);
  return html`<button type="button" aria-label=${`${desk.user}: your account`} onClick=${() => setIsOpen(true)}>${desk.user}</button>
    ${
      isOpen &&
      html`<${Dialog} title=${`Your account, ${desk.user}`} onClose=${() => setIsOpen(false)}>
      <${Password} desk=${desk} onToken=${onToken} />
    <//>`
    }` satisfies VNode;
}

function Password({ desk, onToken }: OwnAccountOptions) {
  const [old, setOld] = useState("");
  const [changed, setChanged] = useState("");
  const [again, setAgain] = useState("");
  const [phase, setPhase] = useState<Phase>({ name: "asking", problem: "" });
  async function change(): Promise<void> {
    if (changed !== again) {
      setPhase({ name: "asking", problem: "The two new passwords are not the same." });
      return;
    }
    setPhase({ name: "busy" });
    const problem = await desk.attempt((client) => client.changePassword(old, changed), passwordWords);
    if (problem === undefined) onToken();
    setPhase(problem === undefined ? { name: "changed" } : { name: "asking", problem });
  }
  const submit = (event: Event): void => {
    event.preventDefault();
    // Never rejects: what failed is said.
    void change();
  };
  if (phase.name === "changed") return html`<${Changed} />`;
  return html`<form class="stack" onSubmit=${submit} aria-label="Change the password">
    <p>Whoever is logged in as you elsewhere is logged out.</p>
    <input hidden autocomplete="username" readonly value=${desk.user} />
    <label>Password now
      <input type="password" autocomplete="current-password" required value=${old}
        onInput=${(event: Event) => setOld(typed(event))} /></label>
    <label>New password
      <input type="password" autocomplete="new-password" required value=${changed}
        onInput=${(event: Event) => setChanged(typed(event))} /></label>
    <label>New password, once more
      <input type="password" autocomplete="new-password" required value=${again}
        onInput=${(event: Event) => setAgain(typed(event))} /></label>
    <p class="bad" role="alert">${phase.name === "asking" && phase.problem}</p>
    <div class="row">
      <button type="button" onClick=${closeAround}>Cancel</button>
      <button class="main" disabled=${phase.name === "busy"}>Change password</button>
    </div>
  </form>`;
}

function Changed() {
  const close = useRef<HTMLButtonElement>(null);
  // The field that had the focus is gone.
  useLayoutEffect(() => close.current?.focus(), []);
  return html`<p role="status">The password is changed. Your other logins are over.</p>
    <button type="button" class="main" ref=${close} onClick=${closeAround}>Close</button>`;
}

function passwordWords(error: unknown): string {
  const isWrong = error instanceof ChatError && error.code === "bad_credentials";
  return isWrong ? "This is not the password that you have now." : wordsOf(error);
}
