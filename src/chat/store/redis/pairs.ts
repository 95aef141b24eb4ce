/** The fields of a hash: a list of names and values from one version of the protocol, a map or a record from another. */
export function toPairs(reply: unknown): readonly (readonly [string, string])[] {
  if (reply instanceof Map) return Array.from(reply, ([name, value]) => [String(name), String(value)]);
  if (Array.isArray(reply)) {
    const list: readonly unknown[] = reply;
    return Array.from({ length: Math.floor(list.length / 2) }, (_, index) => [
      String(list[2 * index]),
      String(list[2 * index + 1]),
    ]);
  }
  if (typeof reply !== "object" || reply === null) return [];
  return Object.entries(reply).map(([name, value]) => [name, String(value)]);
}
