import type { VNode } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { ClientEnd } from "../../client/options.ts";
import {
  deviceName,
  dialHome,
  forget,
  logOut,
  onLoggedOut,
  onRemembered,
  recall,
  register,
  remember,
} from "./account.ts";
import { type Desk, openDesk } from "./desk.ts";
import type { Link } from "./desk_options.ts";
import { type Entering, Entry } from "./entry.ts";
import { wordsOf } from "./friendly.ts";
import { html } from "./html.ts";
import { OwnAccount } from "./own_account.ts";
import { Side } from "./side.ts";
import { Talk } from "./talk.ts";

/** Where one is: outside, on the way in, inside, or put out by another page of the same device. */
type Stage =
  | { readonly name: "out"; readonly notice: string }
  | { readonly name: "entering"; readonly notice: string }
  | { readonly name: "in"; readonly desk: Desk }
  | { readonly name: "replaced" };

type Credentials = Parameters<typeof openDesk>[0]["credentials"];

const ENDS: Readonly<Record<ClientEnd, string>> = {
  closed: "",
  refused: "You have been logged out. Log in again.",
  replaced: "",
};

/** The whole page. */
export function Page(): VNode {
  const [stage, setStage] = useState<Stage>({ name: "entering", notice: "" });
  const [, show] = useReducer((count: number) => count + 1, 0);
  const speaker = useRef<HTMLDivElement>(null);
  const onEnd = (end: ClientEnd, token: string | undefined): void => {
    const known = recall();
    if (end === "replaced") setStage({ name: "replaced" });
    // Another tab has changed the password, and has left what to go on with.
    else if (end === "refused" && known && known.token !== token) void enter({ token: known.token });
    else {
      if (token !== undefined) forget(token);
      setStage({ name: "out", notice: ENDS[end] });
    }
  };
  const onSpoken = (words: string): void => {
    if (speaker.current) speaker.current.textContent = words;
  };
  async function enter(credentials: Credentials): Promise<void> {
    try {
      const settings = { dial: dialHome(), device: deviceName(), credentials };
      const desk = await openDesk({ ...settings, onChange: () => show(0), onSpoken, onEnd });
      keep(desk);
      setStage({ name: "in", desk });
    } catch (error) {
      if ("token" in credentials) forget(credentials.token);
      setStage({ name: "out", notice: "token" in credentials ? ENDS.refused : wordsOf(error) });
    }
  }
  const again = (): void => {
    const known = recall();
    if (known) void enter({ token: known.token });
    else setStage({ name: "out", notice: "" });
  };
  async function come({ name, password, isNew }: Entering): Promise<void> {
    setStage({ name: "entering", notice: "" });
    try {
      if (isNew) await register({ name, password });
    } catch (error) {
      setStage({ name: "out", notice: wordsOf(error) });
      return;
    }
    await enter({ name, password });
  }
  useEffect(again, []);
  const isRefused = stage.name === "out" && stage.notice === ENDS.refused;
  // The tab that has changed the password may leave the login only after this one was refused.
  useEffect(() => (isRefused ? onRemembered(again) : undefined), [isRefused]);
  return html`<div class="hidden" role="status" aria-live="polite" ref=${speaker}></div>
    <${At} stage=${stage} onEnter=${come} onAgain=${again} />`;
}

/** Leaves the login to later pages. */
function keep({ user, token }: Desk): void {
  if (token !== undefined) remember({ user, token });
}

interface AtOptions {
  readonly stage: Stage;
  readonly onEnter: (entering: Entering) => void;
  readonly onAgain: () => void;
}

function At({ stage, onEnter, onAgain }: AtOptions) {
  switch (stage.name) {
    case "in":
      return html`<${Inside} desk=${stage.desk} />`;
    case "replaced":
      return html`<main class="entry"><h1>Chorus</h1><p>This chat goes on in another tab or window.</p>
        <button class="main" onClick=${onAgain}>Go on here</button></main>`;
    case "out":
    case "entering":
      return html`<${Entry} notice=${stage.notice} isBusy=${stage.name === "entering"} onEnter=${onEnter} />`;
  }
}

function Inside({ desk }: { readonly desk: Desk }) {
  const { unread, unsent } = desk.conversations;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Chorus` : "Chorus";
  }, [unread]);
  useEffect(() => {
    // What was not stored yet would be lost with the page.
    const warn = (event: Event): void => {
      if (unsent > 0) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [unsent]);
  useEffect(() => onLoggedOut(desk.user, () => void desk.leave()), [desk]);
  const leave = (): void => {
    logOut(desk.user);
    // It does not reject, and tells of its end.
    void desk.leave();
  };
  return html`<div class=${desk.open ? "desk talking" : "desk"}>
    <header class="bar">
      <h1>Chorus</h1>
      <span class=${`link dot${desk.link.name === "online" ? " on" : ""}`}>${linkWords(desk.link, unsent)}</span>
      <${OwnAccount} desk=${desk} onToken=${() => keep(desk)} />
      <button onClick=${leave}>Log out</button>
    </header>
    ${desk.announcement && html`<p class="bar" role="alert">${desk.announcement}</p>`}
    <${Side} desk=${desk} />
    <${Talk} desk=${desk} />
  </div>`;
}

function linkWords(link: Link, unsent: number): string {
  const waiting = unsent > 0 ? ` ${unsent} to be sent.` : "";
  switch (link.name) {
    case "online":
      return `On ${link.server}.${waiting}`;
    case "leaving":
      return `${link.server} stops; going to another server.${waiting}`;
    case "offline":
      return `No connection; connecting again. Nothing is lost.${waiting}`;
  }
}
