import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Conversation, type Line, MAX_LINES, type Unsent } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { dayOf, isSameDay, timeOf } from "./friendly.ts";
import { html } from "./html.ts";

/** Options for {@linkcode Lines}. */
export interface LinesOptions {
  readonly desk: Desk;
  readonly conversation: Conversation;
}

/** How near to an edge counts as being there, in pixels. */
const NEAR = 150;

/** The messages of a conversation. Older ones come while one scrolls up; who is at the end stays there. */
export function Lines({ desk, conversation }: LinesOptions): VNode {
  const place = useScroll({ desk, conversation });
  const { lines, unsent, history } = conversation;
  const last = lines.findLast(({ from }) => from === desk.user);
  return html`<div class="lines" role="region" aria-label="Messages" tabindex="0" ref=${place.box} onScroll=${place.onScroll}>
    <${Older} desk=${desk} conversation=${conversation} />
    <ol>
      ${lines.map(
        (line, index) => html`
        ${!isSameDay(line.at, lines[index - 1]?.at ?? 0) && html`<li class="day" key=${`day-${line.seq}`}>${dayOf(line.at)}</li>`}
        <${Said} key=${line.seq} line=${line} isMine=${line.from === desk.user}
          state=${line === last ? conversation.stateOf(line, desk.user) : ""} />`,
      )}
      ${unsent.map((one) => html`<${Waiting} key=${`unsent-${one.id}`} desk=${desk} conversation=${conversation} one=${one} />`)}
    </ol>
    ${history === "whole" && lines.length + unsent.length === 0 && html`<p class="notice">Nothing was said yet.</p>`}
  </div>`;
}

function Older({ desk, conversation }: LinesOptions) {
  const { history, lines, hasOlder } = conversation;
  if (history === "loading") return html`<p class="soft" role="status">Loading older messages …</p>`;
  if (hasOlder)
    return html`<button onClick=${() => desk.loadOlder(conversation)}>Load older messages</button>`;
  return (
    lines.length >= MAX_LINES && html`<p class="soft">Only the newest ${lines.length} messages are shown.</p>`
  );
}

interface SaidOptions {
  readonly line: Line;
  readonly isMine: boolean;
  /** How far the others are with it, where that is to be shown. */
  readonly state: string;
}

function Said({ line: { from, text, at }, isMine, state }: SaidOptions) {
  return html`<li class=${isMine ? "mine" : ""}>
    <p class="soft">${isMine ? html`<span class="hidden">You</span>` : from} <time datetime=${new Date(at).toISOString()}>${timeOf(at)}</time></p>
    <p class="bubble" dir="auto">${text}</p>
    ${state && html`<p class="soft">${state}</p>`}
  </li>`;
}

function Waiting({ desk, conversation, one }: LinesOptions & { readonly one: Unsent }) {
  const { text, error } = one;
  const again = (): void => {
    desk.discard(conversation, one);
    desk.send(conversation, text);
  };
  const words = desk.link.name === "offline" ? "Waits for the connection …" : "Sending …";
  return html`<li class="mine">
    <p class="bubble" dir="auto">${text}</p>
    ${error === undefined && html`<p class="soft">${words}</p>`}
    ${
      error !== undefined &&
      html`<p class="bad" role="alert">${error}</p>
      <div class="row"><button onClick=${again}>Send again</button>
      <button onClick=${() => desk.discard(conversation, one)}>Discard</button></div>`
    }
  </li>`;
}

/** Keeps the place at which somebody reads while messages come at either end, and tells the desk whether the newest one is seen. */
function useScroll({ desk, conversation }: LinesOptions) {
  const box = useRef<HTMLDivElement>(null);
  const kept = useRef({ isAtEnd: true, first: 0, height: 0 });
  const look = (): void => {
    const { current } = box;
    if (!current) return;
    const { scrollTop, scrollHeight, clientHeight } = current;
    kept.current.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    desk.see(kept.current.isAtEnd && document.visibilityState === "visible");
  };
  const onScroll = (): void => {
    look();
    if (box.current && box.current.scrollTop < NEAR) desk.loadOlder(conversation);
  };
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    const first = conversation.lines[0]?.seq ?? 0;
    const { isAtEnd, first: before, height } = kept.current;
    if (isAtEnd) current.scrollTop = current.scrollHeight;
    else if (first !== before) current.scrollTop += current.scrollHeight - height;
    Object.assign(kept.current, { first, height: current.scrollHeight });
    look();
  });
  useEffect(() => {
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  });
  return { box, onScroll };
}
