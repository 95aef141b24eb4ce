import { ChatError } from "../../client/errors.ts";

const WORDS: Readonly<Partial<Record<ChatError["code"], string>>> = {
  bad_credentials: "The name or the password is wrong.",
  name_taken: "Somebody has this name already.",
  bad_name: "A name has 1 to 32 of the letters a-z, digits, and . _ -",
  unknown_user: "There is nobody of this name.",
  unknown_group: "There is no group of this name.",
  group_full: "The group has as many members as it may.",
  not_member: "You are not a member of this group.",
  forbidden: "This is not allowed.",
  rate_limited: "Too much at once. Try again in a moment.",
  unavailable: "There is no connection now. Try again in a moment.",
  too_large: "This is too long.",
};

/** An error in words for whoever looks at the page. */
export function wordsOf(error: unknown): string {
  if (error instanceof ChatError) return WORDS[error.code] ?? `${error.message}.`;
  return "The server cannot be reached. Try again in a moment.";
}

/** Whether an error says that the user is not in a group, or that there is none. */
export function isNotIn(error: unknown): boolean {
  return error instanceof ChatError && (error.code === "not_member" || error.code === "unknown_group");
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

/** The time of a day. */
export function timeOf(at: number): string {
  return TIME.format(at);
}

/** Whether two moments are of one day here. */
export function isSameDay(first: number, second: number): boolean {
  return new Date(first).toDateString() === new Date(second).toDateString();
}

/** The day, in full. */
export function dayOf(at: number): string {
  return DAY.format(at);
}
