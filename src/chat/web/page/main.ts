import { render } from "preact";
import { html } from "./html.ts";
import { Page } from "./page.ts";

const place = document.getElementById("page");
if (place) {
  place.replaceChildren();
  render(html`<${Page} />`, place);
}
