import type { VNode } from "preact";
import { Composer } from "./composer.ts";
import type { Conversation } from "./conversation.ts";
import type { Desk } from "./desk.ts";
import { GroupActs } from "./group_acts.ts";
import { html } from "./html.ts";
import { Lines } from "./lines.ts";
import { presenceOf } from "./side.ts";

/** Options for {@linkcode Talk}. */
export interface TalkOptions {
  readonly desk: Desk;
}

/** The conversation that is looked at. */
export function Talk({ desk }: TalkOptions): VNode {
  const conversation = desk.open;
  if (!conversation)
    return html`<main class="talk"><p class="notice">Choose somebody to talk to, or a group.</p></main>`;
  const { peer } = conversation;
  return html`<main class="talk" key=${peer} aria-label=${`Conversation with ${peer}`}>
    <header>
      <button class="back" onClick=${() => desk.look(undefined)}>Back</button>
      <h2>${peer} <span class="soft">${presenceOf(desk, peer)}</span></h2>
      ${peer.startsWith("#") ? html`<${GroupActs} desk=${desk} group=${peer} />` : html`<${UserActs} desk=${desk} name=${peer} />`}
    </header>
    <${Lines} desk=${desk} conversation=${conversation} />
    ${
      peer.startsWith("#") && desk.people.isMember(peer) === false
        ? html`<p class="notice" role="status">You are not in this group.</p>`
        : html`<${Composer} desk=${desk} conversation=${conversation satisfies Conversation} />`
    }
  </main>`;
}

function UserActs({ desk, name }: TalkOptions & { readonly name: string }) {
  if (name === desk.user) return undefined;
  const state = desk.people.friends.find((one) => one.name === name)?.state;
  return html`
    ${state === undefined && html`<button onClick=${() => desk.act((client) => client.friends.request(name))}>Add friend</button>`}
    ${state === "friend" && html`<button onClick=${() => desk.act((client) => client.friends.remove(name))}>End friendship</button>`}
    ${state !== "blocked" && html`<button onClick=${() => desk.act((client) => client.friends.block(name))}>Block</button>`}
    ${state === "blocked" && html`<button onClick=${() => desk.act((client) => client.friends.unblock(name))}>Unblock</button>`}
  `;
}
