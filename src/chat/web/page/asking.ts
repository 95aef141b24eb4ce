import type { ComponentChildren, VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { closeAround, Dialog } from "./dialog.ts";
import { html } from "./html.ts";

/** Options for {@linkcode Asking}. */
export interface AskingOptions {
  /** What the button says that leads here. */
  readonly children: ComponentChildren;
  readonly title: string;
  /** What is lost. */
  readonly words: string;
  /** What the button says that does it. */
  readonly verb: string;
  /** Does it. @returns Why it was not done. */
  readonly onYes: () => Promise<string | undefined>;
  /** It was done, and the question is gone. */
  readonly onDone: () => void;
}

type Phase =
  | { readonly name: "closed" }
  | { readonly name: "asking"; readonly problem: string }
  | { readonly name: "busy" };

/** A button for what cannot be taken back: it asks first. */
export function Asking({ children, title, words, verb, onYes, onDone }: AskingOptions): VNode {
  const [phase, setPhase] = useState<Phase>({ name: "closed" });
  const no = useRef<HTMLButtonElement>(null);
  const isDone = useRef(false);
  const times = useRef(0);
  const ask = (): void => {
    times.current += 1;
    setPhase({ name: "asking", problem: "" });
  };
  const time = times.current;
  const act = (): void => {
    setPhase({ name: "busy" });
    // Never rejects: what failed is said.
    void onYes().then((problem) => {
      isDone.current = problem === undefined;
      if (problem === undefined) no.current?.closest("dialog")?.close();
      else setPhase({ name: "asking", problem });
    });
  };
  const onClose = (): void => {
    // Told a little later than it is so: it may have been asked again by then.
    if (time === times.current) setPhase({ name: "closed" });
    if (isDone.current) onDone();
  };
  return html`<button type="button" onClick=${ask}>${children}</button>
    ${
      phase.name !== "closed" &&
      html`<${Dialog} key=${time} title=${title} onClose=${onClose}>
      <p>${words}</p>
      <p class="bad" role="alert">${phase.name === "asking" && phase.problem}</p>
      <div class="row">
        <button type="button" ref=${no} autofocus onClick=${closeAround}>Cancel</button>
        <button type="button" class="main" disabled=${phase.name === "busy"} onClick=${act}>${verb}</button>
      </div>
    <//>`
    }`;
}
