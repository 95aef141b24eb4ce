/**
 * Work that is owed: what is to be done again, by whoever finds it, until it is done. Doing it twice is harmless.
 *
 * - `d CONVERSATION`: inboxes are to be brought up to the newest message.
 * - `g #GROUP`: users' lists and marks are to agree with the group.
 * - `f CONVERSATION`: the lists of both are to agree with the pair.
 */
export type OwedWork =
  | { readonly type: "delivery"; readonly conversation: string }
  | { readonly type: "group"; readonly group: string }
  | { readonly type: "friends"; readonly conversation: string };

/** The item that says that inboxes are to be brought up. */
export function deliveryItem(conversation: string): string {
  return `d ${conversation}`;
}

/** The item that says that users are to learn about a group. */
export function groupItem(group: string): string {
  return `g ${group}`;
}

/** The item that says that two users are to learn how they stand. */
export function friendsItem(conversation: string): string {
  return `f ${conversation}`;
}

/** The work that an item stands for; undefined for one that another version wrote. */
export function parseItem(item: string): OwedWork | undefined {
  const name = item.slice(2);
  switch (item.slice(0, 2)) {
    case "d ":
      return { type: "delivery", conversation: name };
    case "g ":
      return { type: "group", group: name };
    case "f ":
      return { type: "friends", conversation: name };
  }
  return undefined;
}
