/**
 * Steps that tests of friends, groups and signals have in common.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Frame, RawClient } from "../../helpers.ts";

/** Asks for something that is to succeed. */
export async function ok(client: RawClient, frame: Readonly<Record<string, unknown>>): Promise<Frame> {
  const answer = await client.ask(frame);
  assertEquals(answer.type, "ok", JSON.stringify([frame, answer]));
  return answer;
}

/** Asks for something that is to be refused, and gives the code. */
export async function codeOf(client: RawClient, frame: Readonly<Record<string, unknown>>): Promise<unknown> {
  const answer = await client.ask(frame);
  assertEquals(answer.type, "error", JSON.stringify([frame, answer]));
  return answer.code;
}

/** The events of a type that came so far, without the type. */
export function eventsOf(client: RawClient, type: string): object[] {
  return client.frames.filter((frame) => frame.type === type).map(({ type: _, ...event }) => event);
}

/** Makes two users friends who are online, and waits until each was told so of the other. */
export async function befriend(
  first: RawClient,
  firstName: string,
  second: RawClient,
  secondName: string,
): Promise<void> {
  await ok(first, { type: "friend.request", name: secondName });
  await ok(second, { type: "friend.accept", name: firstName });
  await seesOnline(first, secondName);
  await seesOnline(second, firstName);
}

/** Waits until a client was told that a friend is online. */
export async function seesOnline(client: RawClient, friend: string): Promise<void> {
  const isIt = ({ type, name, online }: Frame): boolean =>
    type === "presence" && name === friend && online === true;
  await client.until(`${friend} online`, () => client.frames.find(isIt));
}

/** Makes a group that others join at once. */
export async function openGroup(
  group: string,
  owner: RawClient,
  others: readonly RawClient[],
): Promise<void> {
  await ok(owner, { type: "group.create", group, mode: "open" });
  for (const other of others) await ok(other, { type: "group.join", group });
}
