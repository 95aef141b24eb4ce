import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { html, typed } from "./html.ts";
import type { LinesOptions } from "./lines.ts";

/** The field in which one writes. Enter sends, Shift and Enter begin a new line. */
export function Composer({ desk, conversation }: LinesOptions): VNode {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(conversation.draft);
  const [problem, setProblem] = useState("");
  // On a phone it would bring the keyboard up at once.
  useEffect(() => {
    if (matchMedia("(min-width: 44rem)").matches) field.current?.focus();
  }, []);
  const write = (next: string): void => {
    conversation.draft = next;
    setText(next);
  };
  const send = (): void => {
    if (text.trim() === "") return;
    const refused = desk.send(conversation, text);
    setProblem(refused ?? "");
    if (refused === undefined) write("");
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") desk.look(undefined);
    // While an input method composes, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    send();
  };
  return html`<form class="composer" onSubmit=${submit}>
    ${problem && html`<p class="bad" role="alert">${problem}</p>`}
    <textarea ref=${field} aria-label=${`Message to ${conversation.peer}`} dir="auto" value=${text}
      onInput=${(event: Event) => write(typed(event))} onKeyDown=${onKeyDown}></textarea>
    <button class="main">Send</button>
  </form>`;
}
