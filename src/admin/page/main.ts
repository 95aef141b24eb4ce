import { html, render } from "htm/preact";
import type { Change } from "../picture.ts";
import { App, titleOf } from "./app.ts";
import { sweepCharts } from "./chart.ts";
import { requestFor, send } from "./control.ts";
import { closeDialog } from "./dialog.ts";
import { follow } from "./follow.ts";
import { Model } from "./model.ts";
import { Trends } from "./trend.ts";
import { type Action, FIRST_UI, type Shell, type Ui } from "./ui.ts";

/** Where the token is kept: with the tab, and no longer. */
const TOKEN_KEY = "chorus-token";

/** The page: what is known, what is chosen, and drawing both. What it keeps does not grow with time. */
class Page implements Shell {
  readonly #root: HTMLElement;
  readonly #model = new Model();
  readonly #trends = new Trends();
  #ui: Ui = FIRST_UI;
  #isDrawing = false;
  #following = new AbortController();

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** Follows the server from now on, instead of as before. */
  connect(token: string | undefined): void {
    this.#following.abort();
    this.#following = new AbortController();
    this.change({ link: { name: "connecting" } });
    const handler = {
      picture: (told: Change) => {
        // No sample of it: how fast things go is known once they have been told twice.
        this.#model.replace(told);
        this.#heard();
      },
      change: (told: Change) => {
        this.#model.apply(told);
        this.#trends.record(this.#model);
        this.#heard();
      },
      lost: (words: string) => this.change({ link: { name: "lost", words } }),
      tokenNeeded: () => {
        sessionStorage.removeItem(TOKEN_KEY);
        this.change({ link: { name: "token_needed", isWrong: token !== undefined } });
      },
    };
    // Ends by the signal, or when a token is needed.
    void follow(token, handler, this.#following.signal);
  }

  change(change: Partial<Ui>): void {
    this.#ui = { ...this.#ui, ...change };
    this.#draw();
  }

  ask(action: Action): void {
    this.change({ dialog: { action, phase: { name: "asking" } } });
  }

  confirm(action: Action, fields: FormData): void {
    // Never rejects: what fails is said in the dialog.
    void this.#perform(action, fields);
  }

  useToken(token: string): void {
    sessionStorage.setItem(TOKEN_KEY, token);
    this.connect(token);
  }

  #heard(): void {
    document.title = titleOf(this.#model);
    this.change({ link: { name: "live" } });
  }

  /** Draws at the next chance, once however often it is asked for; in a hidden tab when it is seen again. */
  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      const trend = this.#trends.of(this.#ui.scope);
      const page = html`<${App} model=${this.#model} ui=${this.#ui} trend=${trend} shell=${this} />`;
      render(page, this.#root);
      sweepCharts();
    });
  }

  async #perform(action: Action, fields: FormData): Promise<void> {
    this.change({ dialog: { action, phase: { name: "sending" } }, notice: "" });
    const request = requestFor(action, fields);
    const words = await send(request, tokenKept());
    // Whoever has closed the dialog meanwhile is told below it.
    if (words !== undefined && this.#ui.dialog)
      return this.change({ dialog: { action, phase: { name: "failed", words } } });
    if (words !== undefined) return this.change({ notice: `It was not done: ${words}` });
    closeDialog();
    this.change({ notice: request.done });
  }
}

function tokenKept(): string | undefined {
  return sessionStorage.getItem(TOKEN_KEY) ?? undefined;
}

const root = document.querySelector("#app");
if (root instanceof HTMLElement) new Page(root).connect(tokenKept());
