import { html } from "htm/preact";
import type { VNode } from "preact";
import type { Model } from "./model.ts";
import type { BackendRow, DrainRow, FrontendRow, PoolRow, ServerRow } from "./rows.ts";
import type { Shell } from "./ui.ts";
import { countWords, timeWords } from "./words.ts";

/** The most rows of one of these tables; there are seldom more, and the commands list them. */
const MAX_ROWS = 200;

interface TableShown {
  readonly id: string;
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly { readonly key: string }[];
  readonly children: unknown;
}

/** A table under its title. */
function Table({ id, title, heads, rows, children }: TableShown): VNode {
  const rest = rows.length - MAX_ROWS;
  return html`<section aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    <div class="wide"><table>
      <thead><tr>${heads.map((head) => html`<th scope="col" key=${head}>${head}</th>`)}</tr></thead>
      <tbody>${children}</tbody>
    </table></div>
    ${rest > 0 ? html`<p>… and ${countWords(rest)} more</p>` : ""}
  </section>`;
}

/** The pools, with what can be done of each. */
export function Pools({ model, shell }: { readonly model: Model; readonly shell: Shell }): VNode {
  const rows = model.pools;
  const byPool = Map.groupBy(model.backends, ({ pool }) => pool);
  const heads = ["Pool", "Policy", "Backends up", "Connections", "Waiting", "Room", "Actions"];
  return html`<${Table} id="pools" title="Pools" heads=${heads} rows=${rows}>
    ${rows.slice(0, MAX_ROWS).map((pool) => html`<${Pool} key=${pool.key} pool=${pool} backends=${byPool.get(pool.name) ?? []} shell=${shell} />`)}
  </${Table}>`;
}

interface PoolShown {
  readonly pool: PoolRow;
  readonly backends: readonly BackendRow[];
  readonly shell: Shell;
}

function Pool({ pool, backends, shell }: PoolShown): VNode {
  const { key, name } = pool;
  const kind = pool.draining ? "undrain_pool" : "drain_pool";
  const up = backends.filter(({ state }) => state === "up" || state === "suspect").length;
  const connections = backends.reduce((sum, backend) => sum + backend.connections, 0);
  return html`<tr>
    <th scope="row"><button class="plain" title="Show its charts"
      onClick=${() => shell.change({ scope: { kind: "pool", key, name } })}>${name}</button>
      ${pool.draining ? html` <span class="state draining">draining</span>` : ""}</th>
    <td>${pool.policy}, ${pool.dispatch}</td>
    <td class="number">${countWords(up)} of ${countWords(backends.length)}</td>
    <td class="number">${countWords(connections)}</td>
    <td class="number">${countWords(pool.queued ?? 0)}</td>
    <td class="number">${roomWords(pool)}</td>
    <td><span class="actions">
      <button aria-label="add a backend to ${name}" onClick=${() => shell.ask({ kind: "add", pool: name })}>Add</button>
      <button aria-label="${pool.draining ? "undrain" : "drain"} pool ${name}" onClick=${() => shell.ask({ kind, pool: name })}>
        ${pool.draining ? "Undrain" : "Drain"}</button>
    </span></td>
  </tr>`;
}

/** A server that was not told how many it can hold says 0, so that 0 says nothing. */
function roomWords({ capacity = 0 }: PoolRow): string {
  return capacity === 0 ? "–" : countWords(capacity);
}

/** The frontends. */
export function Frontends({ rows }: { readonly rows: readonly FrontendRow[] }): VNode {
  const heads = ["Frontend", "Address", "Pool", "Clients", "Accepted", "Refused"];
  return html`<${Table} id="frontends" title="Frontends" heads=${heads} rows=${rows}>
    ${rows.slice(0, MAX_ROWS).map(
      (row) => html`<tr key=${row.key}>
        <th scope="row">${row.name} ${row.draining ? html`<span class="state draining">draining</span>` : ""}</th>
        <td>${row.address} <small>${row.protocol}</small></td>
        <td>${row.pool}</td>
        <td class="number">${countWords(row.connections)}</td>
        <td class="number">${countWords(row.total)}</td>
        <td>${refusedWords(row.refused)}</td>
      </tr>`,
    )}
  </${Table}>`;
}

/** The chat servers. */
export function Servers({ model }: { readonly model: Model }): VNode {
  const rows = model.servers;
  const heads = ["Chat server", "Connections", "Sessions", "Messages stored", "Messages delivered"];
  return html`<${Table} id="servers" title="Chat servers" heads=${heads} rows=${rows}>
    ${rows.slice(0, MAX_ROWS).map((row) => html`<${Server} key=${row.key} row=${row} model=${model} />`)}
  </${Table}>`;
}

function Server({ row, model }: { readonly row: ServerRow; readonly model: Model }): VNode {
  const { received, delivered } = model.ratesOf(row);
  return html`<tr>
    <th scope="row">${row.name} ${row.draining ? html`<span class="state draining">draining</span>` : ""}</th>
    <td class="number">${countWords(row.connections)}</td>
    <td class="number">${countWords(row.sessions)}</td>
    <td class="number">${countWords(received)}/s <small>${countWords(row.received)}</small></td>
    <td class="number">${countWords(delivered)}/s <small>${countWords(row.delivered)}</small></td>
  </tr>`;
}

/** The drains under way. */
export function Drains({ rows }: { readonly rows: readonly DrainRow[] }): VNode {
  return html`<${Table} id="drains" title="Draining" heads=${["What", "Left", "Closed in"]} rows=${rows}>
    ${rows.slice(0, MAX_ROWS).map(
      (row) => html`<tr key=${row.key}>
        <th scope="row">${row.kind} ${row.pool === undefined ? "" : `${row.pool}/`}${row.name}</th>
        <td class="number">${countWords(row.left)} of ${countWords(row.total)}</td>
        <td class="number">${timeWords(row.remainingMs)}</td>
      </tr>`,
    )}
  </${Table}>`;
}

/** Those with the most first: `12 (denied 10, no_backend 2)`. */
function refusedWords(refused: Readonly<Record<string, number>>): string {
  const found = Object.entries(refused)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one);
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return "0";
  const reasons = found.slice(0, 3).map(([reason, count]) => `${reason} ${countWords(count)}`);
  return `${countWords(total)} (${reasons.join(", ")})`;
}
