import * as v from "valibot";
import { parseAddress } from "../net/mod.ts";
import { type Announcement, MAX_SERVES, MAX_VIA } from "./contract.ts";

const address = v.pipe(
  v.string(),
  v.check((text) => typeof parseAddress(text) !== "string", "must be HOST:PORT"),
);
/** Nodes are joined by `>` where a path is shown or sent. */
const nodeId = v.pipe(
  v.string(),
  v.regex(/^[!-=?-~]{1,128}$/, "must be 1 to 128 visible characters of ASCII other than >"),
);
const poolName = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));

const schema = v.object({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  startedAt: v.exactOptional(amount),
  tcp: address,
  web: v.exactOptional(address),
  weight: amount,
  capacity: amount,
  draining: v.boolean(),
  proxy: v.exactOptional(v.literal(2)),
  pool: v.exactOptional(poolName),
  via: v.exactOptional(v.pipe(v.array(nodeId), v.maxLength(MAX_VIA))),
  serves: v.exactOptional(v.pipe(v.array(poolName), v.maxLength(MAX_SERVES))),
});

/**
 * Checks what claims to be an announcement.
 *
 * @returns The announcement without fields that we do not know, or a sentence that says what is wrong.
 */
export function readAnnouncement(value: unknown): Announcement | string {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  return `${v.getDotPath(issue) ?? "announcement"}: ${issue.message}`;
}

/** Checks one's own announcement. */
export function checkAnnouncement(announcement: Announcement): Announcement {
  const checked = readAnnouncement(announcement);
  if (typeof checked === "string") throw new TypeError(`Cannot announce server: ${checked}`);
  return checked;
}

/** Whether both say the same. */
export function isSame(one: Announcement, other: Announcement): boolean {
  return (
    one.id === other.id &&
    one.startedAt === other.startedAt &&
    one.tcp === other.tcp &&
    one.web === other.web &&
    one.weight === other.weight &&
    one.capacity === other.capacity &&
    one.draining === other.draining &&
    one.proxy === other.proxy &&
    one.pool === other.pool &&
    isSameList(one.via, other.via) &&
    isSameList(one.serves, other.serves)
  );
}

function isSameList(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
