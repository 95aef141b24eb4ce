/**
 * The life of a process or thread that serves for a parent.
 *
 * @module
 */
import process from "node:process";
import { openTokenVerifier, type TokenVerifier, type TokenVerifierOptions } from "../chat/mod.ts";
import type { Channel } from "../server/mod.ts";
import type { Started } from "./child_servers.ts";
import { wordsOf } from "./log.ts";

/**
 * Serves as the parent says on topic `configure`, and ends this process or thread afterwards: with 1, after the parent was told why, where it
 * could not serve.
 */
export async function liveFor<Configuration>(
  parent: Channel,
  serve: (parent: Channel, configuration: Configuration) => Promise<void>,
): Promise<never> {
  const configured = new Promise<Configuration>((resolve) => {
    parent.on("configure", (body) => resolve(body as Configuration));
  });
  // A parent that dies before it has said what to do leaves nothing to do.
  const configuration = await Promise.race([configured, parent.closed]);
  if (!configuration) process.exit(0);
  try {
    await serve(parent, configuration);
    process.exit(0);
  } catch (error) {
    parent.send("started", { error: wordsOf(error) } satisfies Started);
    await parent.closed;
    process.exit(1);
  }
}

/** What checks the tokens of somebody else's, where there are any; the parent has tried the same options. */
export async function verifierOf(
  options: TokenVerifierOptions | undefined,
): Promise<TokenVerifier | undefined> {
  if (!options) return undefined;
  const verifier = await openTokenVerifier(options);
  if (typeof verifier === "string") throw new TypeError(`Cannot check tokens: ${verifier}`);
  return verifier;
}
