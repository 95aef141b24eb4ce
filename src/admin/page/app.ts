import { html } from "htm/preact";
import type { VNode } from "preact";
import { BackendTable } from "./backend_table.ts";
import { ConfirmDialog } from "./dialog.ts";
import type { Model } from "./model.ts";
import { Overview } from "./overview.ts";
import { SignIn } from "./sign_in.ts";
import { Drains, Frontends, Pools, Servers } from "./tables.ts";
import type { Trend } from "./trend.ts";
import type { Link, Shell, Ui } from "./ui.ts";

/** All that the page is drawn from. */
export interface AppShown {
  readonly model: Model;
  readonly ui: Ui;
  /** Of what is looked at. */
  readonly trend: Trend;
  readonly shell: Shell;
}

/** The whole page. */
export function App({ model, ui, trend, shell }: AppShown): VNode {
  const { link } = ui;
  if (link.name === "token_needed") return html`<${SignIn} isWrong=${link.isWrong} shell=${shell} />`;
  return html`
    <${Header} model=${model} link=${link} />
    <main class=${link.name === "live" ? "" : "stale"}>
      <p role="status" class="notice">${ui.notice}</p>
      <${Overview} model=${model} ui=${ui} trend=${trend} shell=${shell} />
      ${model.drains.length > 0 ? html`<${Drains} rows=${model.drains} />` : ""}
      ${model.pools.length > 0 ? html`<${Pools} model=${model} shell=${shell} />` : ""}
      ${model.pools.length > 0 ? html`<${BackendTable} model=${model} ui=${ui} shell=${shell} />` : ""}
      ${model.servers.length > 0 ? html`<${Servers} model=${model} />` : ""}
      ${model.frontends.length > 0 ? html`<${Frontends} rows=${model.frontends} />` : ""}
    </main>
    ${ui.dialog ? html`<${ConfirmDialog} key="dialog" dialog=${ui.dialog} shell=${shell} />` : ""}
  `;
}

function Header({ model, link }: { readonly model: Model; readonly link: Link }): VNode {
  const { role = "", id = "", healthy } = model.health;
  const isKnown = healthy !== undefined;
  return html`<header>
    <h1>Chorus <small>${String(role)} ${String(id)} at ${location.host}</small></h1>
    ${isKnown ? html`<span class="state ${healthy ? "up" : "down"}">${healthy ? "healthy" : "not healthy"}</span>` : ""}
    <span role="status">${troublesOf(model.health).map((words) => html`<span class="state down">${words}</span> `)}</span>
    <span role="status" class="link ${link.name}">${linkWords(link)}</span>
  </header>`;
}

/** What a chat that is healthy says of what it cannot do. */
function troublesOf({ store, setAside }: Model["health"]): readonly string[] {
  return [
    ...(store === "unreachable" ? ["the store cannot be reached"] : []),
    ...(setAside === undefined ? [] : [`deliveries set aside: ${setAside}`]),
  ];
}

function linkWords(link: Link): string {
  switch (link.name) {
    case "connecting":
      return "connecting";
    case "live":
      return "live";
    case "lost":
      return `not connected, trying again: ${link.words}`;
    case "token_needed":
      return "";
  }
}

/** What the window's tab says: how many backends are down, before anything else. */
export function titleOf(model: Model): string {
  const down = model.backends.filter(({ state }) => state === "down").length;
  return down === 0 ? "Chorus" : `(${down} down) Chorus`;
}
