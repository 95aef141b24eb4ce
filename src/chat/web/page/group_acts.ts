import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import type { MemberView } from "../../client/groups.ts";
import { Asking } from "./asking.ts";
import type { Desk } from "./desk.ts";
import { closeAround, Dialog } from "./dialog.ts";
import { html, typed } from "./html.ts";

/** What is done with a group, and by whom. */
export interface GroupOptions {
  readonly desk: Desk;
  readonly group: string;
}

/** The button to all that a member can do with a group. */
export function GroupActs({ desk, group }: GroupOptions): VNode | undefined {
  const [isOpen, setIsOpen] = useState(false);
  // Whoever leaves is no member before the question is gone that asks for it.
  if (!desk.people.isMember(group) && !isOpen) return undefined;
  return html`<button type="button" onClick=${() => setIsOpen(true)}>Members<span class="hidden"> of ${group}</span></button>
    ${isOpen && html`<${GroupDialog} desk=${desk} group=${group} onClose=${() => setIsOpen(false)} />`}` satisfies VNode;
}

function GroupDialog({ desk, group, onClose }: GroupOptions & { readonly onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const members = desk.people.membersOf(group);
  const isOwner = members.some(({ name, owner }) => owner && name === desk.user);
  const heading = (): HTMLElement | null => box.current?.closest("dialog")?.querySelector("h2") ?? null;
  const gone = (words: string): void => {
    box.current?.closest("dialog")?.close();
    desk.drop(group);
    desk.say(words);
  };
  return html`<${Dialog} title=${group} onClose=${onClose}>
    <div ref=${box} class="stack">
      <${Inviting} desk=${desk} group=${group} />
      <h3 id="members">${members.length} ${members.length === 1 ? "member" : "members"}</h3>
      <ul aria-labelledby="members" class="members">
        ${members.map(
          (member) => html`<${Member} key=${member.name} desk=${desk} group=${group} member=${member}
          canRemove=${isOwner && member.name !== desk.user} onRemoved=${() => heading()?.focus()} />`,
        )}
      </ul>
      <div class="row">
        <button type="button" onClick=${closeAround}>Close</button>
        <${Asking} title=${`Leave ${group}?`} words=${leavingWords(isOwner, members.length)} verb="Leave"
          onYes=${() => desk.attempt((client) => client.groups.leave(group))}
          onDone=${() => gone(`You have left ${group}.`)}>Leave group<//>
        ${
          isOwner &&
          html`<${Asking} title=${`Delete ${group}?`} verb="Delete"
          words="All that was said in it is lost, for all members. This cannot be taken back."
          onYes=${() => desk.attempt((client) => client.groups.delete(group))}
          onDone=${() => gone(`${group} is deleted.`)}>Delete group<//>`
        }
      </div>
    </div>
  <//>`;
}

function leavingWords(isOwner: boolean, members: number): string {
  if (members === 1) return "You are its last member: the group and all that was said in it are lost.";
  const lost = "What was said in it is lost for you, also if you come back.";
  return isOwner ? `${lost} Whoever has been there the longest owns it then.` : lost;
}

interface MemberOptions extends GroupOptions {
  readonly member: MemberView;
  readonly canRemove: boolean;
  readonly onRemoved: () => void;
}

function Member({ desk, group, member: { name, owner, online }, canRemove, onRemoved }: MemberOptions) {
  const removed = (): void => {
    onRemoved();
    desk.say(`${name} is removed from ${group}.`);
  };
  return html`<li class="row">
    <span class=${online === undefined ? "" : `dot${online ? " on" : ""}`}>${name}${owner && ", owner"}${
      online !== undefined && html`<span class="hidden">, ${online ? "online" : "offline"}</span>`
    }</span>
    ${
      canRemove &&
      html`<${Asking} title=${`Remove ${name} from ${group}?`} verb="Remove"
      words=${`${name} gets nothing of the group any more, and cannot read what was said in it.`}
      onYes=${() => desk.attempt((client) => client.groups.remove(group, name))}
      onDone=${removed}>Remove<span class="hidden"> ${name}</span><//>`
    }
  </li>`;
}

function Inviting({ desk, group }: GroupOptions) {
  const [name, setName] = useState("");
  const [answer, setAnswer] = useState({ isBad: false, words: "" });
  const invite = (event: Event): void => {
    event.preventDefault();
    const invited = name.trim();
    if (invited === "") return;
    // Never rejects: what failed is said.
    void desk
      .attempt((client) => client.groups.invite(group, invited))
      .then((problem) => {
        setAnswer({ isBad: problem !== undefined, words: problem ?? `${invited} is invited.` });
        if (problem === undefined) setName("");
      });
  };
  return html`<form onSubmit=${invite} aria-label="Invite somebody">
    <div class="row">
      <input aria-label="Whom to invite" placeholder="name" autocapitalize="none" autocomplete="off" maxlength="32"
        value=${name} onInput=${(event: Event) => setName(typed(event))} />
      <button>Invite</button>
    </div>
    <p class=${answer.isBad ? "bad" : "soft"} role=${answer.isBad ? "alert" : "status"}>${answer.words}</p>
  </form>`;
}
