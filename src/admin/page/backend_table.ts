import { html } from "htm/preact";
import type { VNode } from "preact";
import { Heartbeat } from "./heartbeat.ts";
import type { Model } from "./model.ts";
import type { BackendRow } from "./rows.ts";
import type { Shell, Sort, Ui } from "./ui.ts";
import { byteWords, countWords, latencyWords, timeWords } from "./words.ts";

/** The height of one row in pixels, as the style has it. */
const ROW = 36;
/** Rows above and below those that are seen. */
const MARGIN = 8;

/** The states of backends, those that need somebody first. */
const STATES = ["down", "suspect", "draining", "disabled", "up"];

interface Column {
  readonly title: string;
  readonly sort: Sort["by"];
  /** The class of its head: how wide it is, and whether numbers are below it. */
  readonly kind:
    | "name"
    | "state-column"
    | "text"
    | "number"
    | "short number"
    | "rate number"
    | "actions-column";
}

const COLUMNS: readonly Column[] = [
  { title: "Backend", sort: "name", kind: "name" },
  { title: "State", sort: "state", kind: "state-column" },
  { title: "Heartbeats", sort: "none", kind: "text" },
  { title: "Connections", sort: "connections", kind: "number" },
  { title: "Throughput", sort: "throughput", kind: "rate number" },
  { title: "Connect", sort: "connect", kind: "number" },
  { title: "Weight", sort: "none", kind: "short number" },
  { title: "Last error", sort: "none", kind: "text" },
  { title: "Actions", sort: "none", kind: "actions-column" },
];

interface Shown {
  readonly model: Model;
  readonly ui: Ui;
  readonly shell: Shell;
}

/**
 * The backends: those that are looked for, in a window over however many there are.
 *
 * Only the rows in the window are in the document; each keeps its elements while it stays there.
 */
export function BackendTable({ model, ui, shell }: Shown): VNode {
  const rows = sorted(model, chosen(model, ui), ui.sort);
  const first = Math.max(0, Math.min(Math.floor(ui.scroll.top / ROW), rows.length) - MARGIN);
  const end = Math.min(rows.length, Math.ceil((ui.scroll.top + ui.scroll.height) / ROW) + MARGIN);
  return html`<section aria-labelledby="backends">
    <h2 id="backends">Backends <small>${countWords(rows.length)} of ${countWords(model.backends.length)}</small></h2>
    <${Choice} ui=${ui} shell=${shell} />
    <div class="window" tabindex="0" role="region" aria-label="Rows of backends"
      onScroll=${(event: Event) => scrolled(event, shell)} ref=${(element: HTMLElement | null) => measured(element, ui, shell)}>
      <table aria-rowcount=${rows.length + 1}>
        <thead><tr aria-rowindex="1">${COLUMNS.map((column) => html`<${Head} key=${column.title} column=${column} sort=${ui.sort} shell=${shell} />`)}</tr></thead>
        <tbody>
          <${Gap} key="above" rows=${first} />
          ${rows
            .slice(first, end)
            .map(
              (row, index) =>
                html`<${Row} key=${row.key} row=${row} model=${model} index=${first + index + 2} shell=${shell} />`,
            )}
          <${Gap} key="below" rows=${rows.length - end} />
        </tbody>
      </table>
    </div>
  </section>`;
}

function Choice({ ui, shell }: Omit<Shown, "model">): VNode {
  return html`<div class="choice" role="search">
    <label>Find <input type="search" name="filter" autocomplete="off"
      onInput=${(event: Event) => shell.change({ filter: textOf(event) })} /></label>
    <label>State <select name="state" onChange=${(event: Event) => shell.change({ state: textOf(event) })}>
      <option value="">all</option>
      ${STATES.map((state) => html`<option key=${state} value=${state} selected=${state === ui.state}>${state}</option>`)}
    </select></label>
  </div>`;
}

function Head({ column, sort, shell }: { column: Column; sort: Sort; shell: Shell }): VNode {
  if (column.sort === "none") return html`<th scope="col" class=${column.kind}>${column.title}</th>`;
  const isSorted = sort.by === column.sort;
  const order = sort.isDescending ? "descending" : "ascending";
  return html`<th scope="col" class=${column.kind} aria-sort=${isSorted ? order : "none"}>
    <button class="plain" onClick=${() => shell.change({ sort: nextSort(sort, column.sort) })}>
      ${column.title}<span aria-hidden="true">${isSorted ? ` ${sort.isDescending ? "↓" : "↑"}` : ""}</span>
    </button>
  </th>`;
}

/** Once the natural order, then the other one, then as the server lists them. */
function nextSort(sort: Sort, by: Sort["by"]): Sort {
  const isNumber = by !== "name" && by !== "state";
  if (sort.by !== by) return { by, isDescending: isNumber };
  return sort.isDescending === isNumber
    ? { by, isDescending: !isNumber }
    : { by: "none", isDescending: false };
}

/** The room of rows that are not in the document. */
function Gap({ rows }: { readonly rows: number }): VNode {
  return html`<tr aria-hidden="true" class="gap"><td colspan=${COLUMNS.length} style=${{ height: `${rows * ROW}px` }}></td></tr>`;
}

interface RowShown {
  readonly row: BackendRow;
  readonly model: Model;
  readonly index: number;
  readonly shell: Shell;
}

function Row({ row, model, index, shell }: RowShown): VNode {
  const { key, pool, name, state, backup, weight, connections, maxConnections, lastError = "" } = row;
  const since = row.stateSince === undefined ? "" : timeWords(Math.max(0, model.at - row.stateSince));
  const limit = maxConnections === undefined ? "" : ` of ${countWords(maxConnections)}`;
  return html`<tr aria-rowindex=${index} data-backend=${name}>
    <th scope="row"><button class="plain" title="Show its charts"
      onClick=${() => shell.change({ scope: { kind: "backend", key, name } })}>${name}</button>
      <small>${pool}${backup ? ", backup" : ""}</small></th>
    <td><span class="state ${state}">${state}</span> <small>${since}</small></td>
    <td><${Heartbeat} outcomes=${row.heartbeats ?? ""} /></td>
    <td class="number">${countWords(connections)}${limit}</td>
    <td class="number"><${Throughput} row=${row} model=${model} /></td>
    <td class="number">${connectWords(row)}</td>
    <td class="number">${weight}</td>
    <td class="error" title=${lastError}>${lastError}</td>
    <td><${Actions} row=${row} shell=${shell} /></td>
  </tr>`;
}

function Throughput({ row, model }: { readonly row: BackendRow; readonly model: Model }): VNode {
  if (!model.carriesBytes(row.pool)) {
    return html`<span title="Its connections are handed over: no byte passes through the balancer">–</span>`;
  }
  const { bytesIn, bytesOut } = model.ratesOf(row);
  return html`${byteWords(bytesIn)}/s in<br />${byteWords(bytesOut)}/s out`;
}

function Actions({ row, shell }: { readonly row: BackendRow; readonly shell: Shell }): VNode {
  const { pool, name: backend, weight } = row;
  const kind = (row.admin ?? "enabled") === "enabled" ? "drain" : "undrain";
  return html`<span class="actions">
    <button aria-label="${kind} ${backend}" onClick=${() => shell.ask({ kind, pool, backend })}>
      ${kind === "drain" ? "Drain" : "Undrain"}</button>
    <button aria-label="change the weight of ${backend}" onClick=${() => shell.ask({ kind: "weight", pool, backend, weight })}>
      Weight</button>
  </span>`;
}

/** The mean of all connects. */
function connectMsOf({ connected = 0, connectSeconds = 0 }: BackendRow): number {
  return connected === 0 ? 0 : (1000 * connectSeconds) / connected;
}

function connectWords(row: BackendRow): string {
  return row.connected ? latencyWords(connectMsOf(row)) : "–";
}

function chosen({ backends }: Model, { filter, state }: Ui): readonly BackendRow[] {
  const wanted = filter.trim().toLowerCase();
  if (wanted === "" && state === "") return backends;
  return backends.filter(
    (row) =>
      (state === "" || row.state === state) &&
      `${row.pool} ${row.name} ${row.source}`.toLowerCase().includes(wanted),
  );
}

function sorted(model: Model, rows: readonly BackendRow[], sort: Sort): readonly BackendRow[] {
  if (sort.by === "none") return rows;
  const order = orderBy(model, sort.by);
  return rows.toSorted(sort.isDescending ? (one, other) => order(other, one) : order);
}

function orderBy(model: Model, by: Sort["by"]): (one: BackendRow, other: BackendRow) => number {
  const value = (row: BackendRow): number => {
    if (by === "connections") return row.connections;
    if (by === "connect") return connectMsOf(row);
    const { bytesIn, bytesOut } = model.ratesOf(row);
    return bytesIn + bytesOut;
  };
  if (by === "name") return (one, other) => compare(one.name, other.name);
  if (by === "state") return (one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state);
  return (one, other) => value(one) - value(other);
}

const { compare } = new Intl.Collator("en", { numeric: true });

function textOf({ target }: Event): string {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement ? target.value : "";
}

function scrolled({ currentTarget }: Event, shell: Shell): void {
  if (!(currentTarget instanceof HTMLElement)) return;
  shell.change({ scroll: { top: currentTarget.scrollTop, height: currentTarget.clientHeight } });
}

/** How much of it is seen may differ from what was thought, as when the window was made larger. */
function measured(element: HTMLElement | null, { scroll }: Ui, shell: Shell): void {
  if (!element || element.clientHeight === scroll.height) return;
  shell.change({ scroll: { top: element.scrollTop, height: element.clientHeight } });
}
