import type { Accept } from "../../net/mod.ts";
import type { HandlerModule } from "./contract.ts";

/**
 * Imports a handler module.
 *
 * @throws {TypeError} When it has no `accept`; whatever the module throws itself.
 */
export async function importHandler(url: string): Promise<Accept> {
  const { accept } = (await import(url)) as Partial<HandlerModule>;
  if (typeof accept === "function") return accept;
  throw new TypeError(`Cannot serve connections: ${url} exports no function "accept"`);
}
