import { readAnnouncement } from "./announcement.ts";
import type { Announcement } from "./contract.ts";

/** The names under which the registry lives in Redis, all with one hash tag: a Cluster keeps them together. */
export interface RegistryKeys {
  /** The set of all ids. */
  readonly index: string;
  /** The channel on which changes are told. */
  readonly channel: string;
  /** The key of a server: its announcement as JSON, with its lease as time to live. */
  server(id: string): string;
}

/** The names under a prefix; that of the channel is under another one. */
export function registryKeys(prefix: string, channels: string): RegistryKeys {
  return {
    index: `${prefix}{registry}`,
    channel: `${channels}{registry}:changes`,
    server: (id) => `${prefix}{registry}:server:${id}`,
  };
}

/** What is said on the channel of changes. */
export type Change = { readonly seen: Announcement } | { readonly goodbye: string };

/** A change as it is published. */
export function writeChange(change: Change): string {
  return JSON.stringify(change);
}

/** @returns The change, or a sentence that says what is wrong. */
export function readChange(text: string): Change | string {
  const value = readJson(text);
  if (typeof value !== "object" || value === null) return "not a JSON object";
  if ("goodbye" in value && typeof value.goodbye === "string") return { goodbye: value.goodbye };
  if (!("seen" in value)) return "neither seen nor goodbye";
  const seen = readAnnouncement(value.seen);
  return typeof seen === "string" ? seen : { seen };
}

/** @returns The announcement that is stored for `id`, or a sentence that says what is wrong. */
export function readServer(id: string, text: string): Announcement | string {
  const announcement = readAnnouncement(readJson(text));
  if (typeof announcement === "string" || announcement.id === id) return announcement;
  return `id: another one, "${announcement.id}"`;
}

/** Undefined where the text is not JSON, which is never a value that we look for. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
