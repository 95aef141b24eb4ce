import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ChatClient } from "../../client/chat_client.ts";
import type { Conversation } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { html, typed } from "./html.ts";

/** What is shown beside the conversation. */
export interface SideOptions {
  readonly desk: Desk;
}

/** Everybody and everything that one can talk to. */
export function Side({ desk }: SideOptions): VNode {
  const asked = desk.people.friends.filter(({ state }) => state === "incoming");
  const waiting = desk.people.friends.filter(({ state }) => state === "outgoing");
  const blocked = desk.people.friends.filter(({ state }) => state === "blocked");
  const invited = desk.people.groups.filter(({ state }) => state === "invited");
  const box = useRef<HTMLElement>(null);
  const isTalking = desk.open !== undefined;
  const wasTalking = useRef(isTalking);
  useLayoutEffect(() => {
    // What had the focus is gone with the conversation.
    if (wasTalking.current && !isTalking) box.current?.focus();
    wasTalking.current = isTalking;
  }, [isTalking]);
  return html`<nav class="side" aria-label="Conversations, friends and groups" tabindex="-1" ref=${box}>
    <${Adding} desk=${desk} />
    ${desk.problem && html`<p class="bad row" role="alert">${desk.problem}</p>`}
    ${asked.length + invited.length > 0 && html`<h3 id="asked">For you to answer</h3>`}
    <ul aria-labelledby="asked">
      ${asked.map(
        ({ name }) => html`<${Question} key=${name} words=${`${name} wants to be your friend`}
        onYes=${() => desk.act((client) => client.friends.accept(name))}
        onNo=${() => desk.act((client) => client.friends.remove(name))} />`,
      )}
      ${invited.map(
        ({ group, by }) => html`<${Question} key=${group} words=${`${by} invites you to ${group}`}
        onYes=${() => desk.act((client) => client.groups.join(group))}
        onNo=${() => desk.act((client) => client.groups.leave(group))} />`,
      )}
    </ul>
    <h3 id="conversations">Conversations</h3>
    <ul aria-labelledby="conversations">
      ${desk.conversations.list().map((one) => html`<${Peer} key=${one.peer} desk=${desk} conversation=${one} />`)}
    </ul>
    ${
      waiting.length > 0 &&
      html`<h3>Asked, and not answered yet</h3>
      <ul>${waiting.map(
        ({ name }) => html`<${Undoing} key=${name} words=${name} undo="Take back"
        onUndo=${() => desk.act((client) => client.friends.remove(name))} />`,
      )}</ul>`
    }
    ${
      blocked.length > 0 &&
      html`<h3>Blocked</h3>
      <ul>${blocked.map(
        ({ name }) => html`<${Undoing} key=${name} words=${name} undo="Unblock"
        onUndo=${() => desk.act((client) => client.friends.unblock(name))} />`,
      )}</ul>`
    }
  </nav>`;
}

/** Whether somebody is online, in a word; nothing where nobody can tell. */
export function presenceOf({ people: { friends } }: Desk, peer: string): "online" | "offline" | undefined {
  const online = friends.find(({ name, state }) => name === peer && state === "friend")?.online;
  if (online === undefined) return undefined;
  return online ? "online" : "offline";
}

function Peer({
  desk,
  conversation: { peer, unread },
}: SideOptions & { readonly conversation: Conversation }) {
  const presence = presenceOf(desk, peer);
  const dot = presence ? `dot${presence === "online" ? " on" : ""}` : "";
  return html`<li><button class="peer" aria-current=${desk.open?.peer === peer ? "true" : "false"}
    onClick=${() => desk.look(peer)}>
    <span class=${dot}>${peer}${presence && html`<span class="hidden">, ${presence}</span>`}</span>
    ${unread > 0 && html`<span class="count">${unread}<span class="hidden"> unread</span></span>`}
  </button></li>`;
}

interface QuestionOptions {
  readonly words: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
}

function Question({ words, onYes, onNo }: QuestionOptions) {
  return html`<li><div class="row"><span>${words}</span>
    <button class="main" onClick=${onYes}>Accept<span class="hidden">: ${words}</span></button>
    <button onClick=${onNo}>Decline<span class="hidden">: ${words}</span></button></div></li>`;
}

interface UndoingOptions {
  readonly words: string;
  readonly undo: string;
  readonly onUndo: () => void;
}

function Undoing({ words, undo, onUndo }: UndoingOptions) {
  return html`<li><div class="row"><span>${words}</span>
    <button onClick=${onUndo}>${undo}<span class="hidden">: ${words}</span></button></div></li>`;
}

/** The field for a name, and what can be done with it. */
function Adding({ desk }: SideOptions) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState(0);
  const name = text.trim().toLowerCase();
  const isGroup = name.startsWith("#");
  const ask = (work: () => Promise<boolean>): void => {
    if (name === "" || name === "#") return;
    setAsked((count) => count + 1);
    // Nothing waits for it: what went wrong is shown.
    void work().then((isDone) => {
      setAsked((count) => count - 1);
      if (isDone) setText("");
    });
  };
  const act = (work: (client: ChatClient) => Promise<void>): void => ask(() => desk.act(work));
  const enter = (work: (client: ChatClient) => Promise<void>): void =>
    ask(async () => {
      const isDone = await desk.act(work);
      if (isDone) desk.look(name);
      return isDone;
    });
  const talk = (event: Event): void => {
    event.preventDefault();
    ask(() => desk.talk(name));
  };
  return html`<form onSubmit=${talk} aria-label="Somebody else">
    <label for="adding" class="soft">A name, or #group</label>
    ${asked > 0 && html`<span class="soft" role="status"> Waiting for the server …</span>`}
    <div class="row">
      <input id="adding" autocapitalize="none" autocomplete="off" spellcheck=${false} maxlength="33" value=${text}
        onInput=${(event: Event) => setText(typed(event))} />
      <button>Talk</button>
      ${!isGroup && html`<button type="button" onClick=${() => act((client) => client.friends.request(name))}>Add friend</button>`}
      ${isGroup && html`<button type="button" onClick=${() => enter((client) => client.groups.create(name))}>New group</button>`}
      ${isGroup && html`<button type="button" onClick=${() => enter((client) => client.groups.join(name))}>Join</button>`}
    </div>
  </form>`;
}
