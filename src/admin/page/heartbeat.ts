import { html } from "htm/preact";
import type { VNode } from "preact";
import { heartbeatWords } from "./words.ts";

/** So many outcomes have room. */
const ROOM = 30;
/** From one to the next, and how high it all is. */
const [STEP, HEIGHT] = [4, 16];

/**
 * The last heartbeats of a backend, the newest at the right: a high bar for an answer, and for one that is missing a low one of another
 * color. Two shapes, however many there are.
 */
export function Heartbeat({ outcomes }: { readonly outcomes: string }): VNode {
  const shown = outcomes.slice(-ROOM);
  const words = heartbeatWords(shown);
  return html`<svg class="beats" role="img" aria-label=${words} width=${ROOM * STEP} height=${HEIGHT}>
    <title>${words}</title>
    <path class="answered" d=${bars(shown, "+", HEIGHT)} />
    <path class="missed" d=${bars(shown, "-", HEIGHT / 2)} />
  </svg>`;
}

function bars(outcomes: string, wanted: string, height: number): string {
  const first = ROOM - outcomes.length;
  return [...outcomes]
    .map((outcome, index) =>
      outcome === wanted ? `M${(first + index) * STEP + STEP / 2} ${HEIGHT}v-${height}` : "",
    )
    .join("");
}
