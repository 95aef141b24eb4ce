import type { ComponentChildren, VNode } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { html } from "./html.ts";

/** Options for {@linkcode Dialog}. */
export interface DialogOptions {
  readonly title: string;
  /** It was closed, by whatever: Escape does it, too. It is to be taken away then, and not before: closing gives the focus back. */
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** What stands before all else until it is closed. The focus stays inside meanwhile, and goes back to where it was. */
export function Dialog({ title, onClose, children }: DialogOptions): VNode {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => box.current?.showModal(), []);
  return html`<dialog ref=${box} aria-labelledby=${id} onClose=${onClose}>
    <div class="stack">
      <h2 id=${id} tabindex="-1">${title}</h2>
      ${children}
    </div>
  </dialog>`;
}

/** Closes the dialog in which something has happened. */
export function closeAround({ currentTarget }: Event): void {
  if (currentTarget instanceof HTMLElement) currentTarget.closest("dialog")?.close();
}
