import htm from "htm";
import { h, type VNode } from "preact";

/** What its own types do not say of `htm` as it is imported here. */
interface Htm {
  bind(make: typeof h): (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
}

/** Writes elements as a page has them. What stands in `${}` is shown as text, whatever it holds. */
export const html: (strings: TemplateStringsArray, ...values: unknown[]) => VNode = (
  htm as unknown as Htm
).bind(h);

/** The text of a field that somebody has typed into. */
export function typed(event: Event): string {
  return (event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value;
}
