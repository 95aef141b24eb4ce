import { BlockList, isIP } from "node:net";

/** The most entries that one list takes. */
const MAX_ENTRIES = 10_000;

/**
 * Addresses and networks, such as those that are trusted, allowed or denied.
 *
 * @example Two networks
 * ```ts
 * import assert from "node:assert/strict";
 * import { AddressList } from "chorus";
 *
 * const list = AddressList.parse(["10.0.0.0/8", "::1"]);
 * assert.ok(list instanceof AddressList);
 * assert.equal(list.has("10.1.2.3"), true);
 * assert.equal(list.has("::ffff:10.1.2.3"), true);
 * assert.equal(list.has("11.0.0.1"), false);
 * assert.equal(AddressList.parse(["10.0.0.0/33"]), '"10.0.0.0/33" has prefix 33; IPv4 prefixes are 0 to 32');
 * ```
 */
export class AddressList {
  readonly #list = new BlockList();
  /** How many entries it has. */
  readonly size: number;

  private constructor(entries: readonly Entry[]) {
    this.size = entries.length;
    for (const { address, prefix, family } of entries) this.#list.addSubnet(address, prefix, family);
  }

  /**
   * Reads entries such as `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`.
   *
   * @returns The list, or a sentence that says what is wrong: found and allowed.
   */
  static parse(texts: readonly string[]): AddressList | string {
    if (texts.length > MAX_ENTRIES)
      return `${texts.length} entries are too many; a list takes ${MAX_ENTRIES}`;
    const entries: Entry[] = [];
    for (const text of texts) {
      const entry = parseEntry(text);
      if (typeof entry === "string") return entry;
      entries.push(entry);
    }
    return new AddressList(entries);
  }

  /** Whether an address is in it. What is no address is not. An IPv4 address wrapped in IPv6 counts as IPv4. */
  has(host: string): boolean {
    const plain = host.startsWith("::ffff:") && isIP(host.slice(7)) === 4 ? host.slice(7) : host;
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? "ipv4" : "ipv6");
  }
}

interface Entry {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

function parseEntry(text: string): Entry | string {
  const [address = "", prefixText, extra] = text.split("/");
  const version = isIP(address);
  if (version === 0 || extra !== undefined)
    return `"${text}" is not a network; write 10.0.0.7, 10.0.0.0/8 or fd00::/8`;
  const widest = version === 4 ? 32 : 128;
  const prefix = prefixText === undefined ? widest : Number(prefixText);
  const isRight = Number.isInteger(prefix) && prefix >= 0 && prefix <= widest && prefixText !== "";
  if (!isRight) return `"${text}" has prefix ${prefixText}; IPv${version} prefixes are 0 to ${widest}`;
  return { address, prefix, family: version === 4 ? "ipv4" : "ipv6" };
}
