/** Into how many parts the names of a cluster's data are spread. Fixed: data is found by it. */
export const PARTITIONS = 64;

/**
 * The part of a name, `00` to `63`: where everything about it is kept together.
 *
 * By FNV-1a over UTF-16 code units (http://www.isthe.com/chongo/tech/comp/fnv/).
 */
export function partitionOf(name: string): string {
  let hash = 0x81_1c_9d_c5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01_00_01_93);
  }
  const part = (hash >>> 0) % PARTITIONS;
  return part < 10 ? `0${part}` : `${part}`;
}

/** A key or a channel whose hash tag is its name's part, so that a Cluster keeps what is of one part on one server. */
export function taggedName(kind: string, name: string): string {
  return `${kind}:{${partitionOf(name)}}:${name}`;
}

/** What belongs to users, grouped by the partitions of these, in the order in which each comes first. */
export function byPartition<T extends { readonly user: string }>(
  all: readonly T[],
): readonly (readonly T[])[] {
  return [...Map.groupBy(all, ({ user }) => partitionOf(user)).values()];
}
