import { html } from "htm/preact";
import type { VNode } from "preact";
import type { Shell } from "./ui.ts";

/** Asks for the token. */
export function SignIn({ isWrong, shell }: { readonly isWrong: boolean; readonly shell: Shell }): VNode {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const token = String(new FormData(event.target).get("token") ?? "").trim();
    if (token !== "") shell.useToken(token);
  };
  return html`<main class="sign-in">
    <h1>Chorus</h1>
    <form onSubmit=${submit}>
      <label>The token of its operators, from the file that it was started with
        <input name="token" type="password" autocomplete="off" required autofocus /></label>
      <p role="alert" class="error">${isWrong ? "This token is not the right one." : ""}</p>
      <p class="buttons"><button type="submit" class="main">Show</button></p>
      <p><small>It is kept in this tab until it is closed.</small></p>
    </form>
  </main>`;
}
