import { html } from "htm/preact";
import type { VNode } from "preact";
import type { Action, Dialog, Shell } from "./ui.ts";

/** The element's name for a heading that says what is asked. */
const TITLE = "dialog-title";

/** Asks whether something is to be done, and for what it takes. */
export function ConfirmDialog({ dialog, shell }: { readonly dialog: Dialog; readonly shell: Shell }): VNode {
  const { action, phase } = dialog;
  const { title, text, verb } = wordsOf(action);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (event.target instanceof HTMLFormElement) shell.confirm(action, new FormData(event.target));
  };
  // Closed by itself, so that the focus goes back to where it came from.
  const cancel = ({ currentTarget }: Event): void => {
    if (currentTarget instanceof HTMLElement) currentTarget.closest("dialog")?.close();
  };
  return html`<dialog aria-labelledby=${TITLE} ref=${open} onClose=${() => shell.change({ dialog: undefined })}>
    <form onSubmit=${submit}>
      <h2 id=${TITLE}>${title}</h2>
      <p>${text}</p>
      <${Fields} action=${action} />
      <p role="alert" class="error">${phase.name === "failed" ? phase.words : ""}</p>
      <p class="buttons">
        <button type="button" onClick=${cancel}>Cancel</button>
        <button type="submit" class="main" disabled=${phase.name === "sending"}>${verb}</button>
      </p>
    </form>
  </dialog>`;
}

/** The same function at each drawing, so that it is called once. */
function open(element: HTMLDialogElement | null): void {
  if (element && !element.open) element.showModal();
}

/** Closes the dialog that is open, which gives the focus back. */
export function closeDialog(): void {
  document.querySelector("dialog")?.close();
}

function Fields({ action }: { readonly action: Action }): VNode | string {
  switch (action.kind) {
    case "drain":
    case "drain_pool":
      return html`<label>By when, such as 30s or 10m; empty: as it is configured
        <input name="deadline" autocomplete="off" pattern="[0-9]+(ms|s|m|h)" /></label>`;
    case "weight":
      return html`<label>Weight
        <input name="weight" type="number" min="0" max="1000000" step="any" required defaultValue=${String(action.weight)} /></label>`;
    case "add":
      return html`<label>Address, as HOST:PORT
          <input name="address" required autocomplete="off" spellcheck=${false} /></label>
        <label>Weight
          <input name="weight" type="number" min="0" max="1000000" step="any" required defaultValue="1" /></label>
        <label class="inline"><input name="backup" type="checkbox" /> Serves only when no other can</label>`;
    case "undrain":
    case "undrain_pool":
      return "";
  }
}

interface Words {
  readonly title: string;
  readonly text: string;
  readonly verb: string;
}

function wordsOf(action: Action): Words {
  switch (action.kind) {
    case "drain":
      return {
        title: `Drain ${action.backend}?`,
        text: `It takes no new clients of pool ${action.pool}. What is left of its connections is closed by the deadline.`,
        verb: "Drain",
      };
    case "undrain":
      return {
        title: `Undrain ${action.backend}?`,
        text: `It takes new clients of pool ${action.pool} again.`,
        verb: "Undrain",
      };
    case "weight":
      return {
        title: `Weight of ${action.backend}`,
        text: `Its share of new clients of pool ${action.pool}; with 0 it takes none. Its connections do not notice.`,
        verb: "Change",
      };
    case "add":
      return {
        title: `Add a backend to ${action.pool}`,
        text: "It takes clients once it has answered a heartbeat, before that only if nobody else can.",
        verb: "Add",
      };
    case "drain_pool":
      return {
        title: `Drain pool ${action.pool}?`,
        text: "None of its backends takes new clients. What is left of their connections is closed by the deadline.",
        verb: "Drain the pool",
      };
    case "undrain_pool":
      return {
        title: `Undrain pool ${action.pool}?`,
        text: "Its backends take new clients again.",
        verb: "Undrain the pool",
      };
  }
}
