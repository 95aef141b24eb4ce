import * as v from "valibot";
import { MAX_DURATION_MS, parseDuration } from "../async/mod.ts";
import { parseAddress } from "../net/mod.ts";
import type {
  BackendPatch,
  ConnectionFilter,
  DrainOptions,
  FrontendPatch,
  InputProblem,
  NewBackend,
  PoolPatch,
  ServerPatch,
} from "./contract.ts";
import { Refusal } from "./refusal.ts";
import type { SessionFilter, SessionsEnd } from "./session_contract.ts";

const MAX_WEIGHT = 1_000_000;
const MAX_CONNECTIONS = 1_000_000_000;
/** Connections or sessions that one answer lists unless told otherwise, and at most. Sessions come from other processes. */
const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 100_000;
const MAX_SESSIONS = 5000;
/** The most problems that one answer lists. */
const MAX_PROBLEMS = 20;

/** The most characters of what was found that an answer shows. */
const MAX_SHOWN = 100;
/** The most characters of an announcement. */
const MAX_ANNOUNCEMENT = 4096;

/** What a request asks about connections. */
export interface ConnectionQuery {
  readonly filter: ConnectionFilter;
  readonly limit: number;
}

/** What a request asks about sessions. */
export interface SessionQuery {
  readonly filter: SessionFilter;
  readonly limit: number;
}

/** What a request wants to end. */
export interface SessionsEndQuery extends SessionsEnd {
  readonly user: string;
}

// Each message is what is allowed, in words: the rest of the sentence comes from where it is found.
const weight = numberFrom(0, MAX_WEIGHT);
const maxConnections = wholeFrom(1, MAX_CONNECTIONS);
const deadlineMs = v.optional(wholeFrom(0, MAX_DURATION_MS));
const duration = v.pipe(
  v.string(),
  v.transform(parseDuration),
  v.number("a time such as 500ms, 5s, 10m or 1h"),
);
const address = v.pipe(
  v.string("HOST:PORT"),
  v.transform(parseAddress),
  v.custom<Exclude<ReturnType<typeof parseAddress>, string>>(isDialable, "HOST:PORT or unix:PATH"),
);

const newBackend = strict({
  address,
  weight: v.optional(weight),
  backup: v.optional(v.boolean("true or false")),
  maxConnections: v.optional(maxConnections),
});
const backendChange = strict({
  weight: v.optional(weight),
  state: v.optional(oneOf(["enabled", "draining", "disabled"])),
  maxConnections: v.optional(
    v.union([maxConnections, v.literal("none")], 'a whole number from 1, or "none"'),
  ),
  deadlineMs,
});
/** Of a pool, and of a server. */
const takingChange = strict({ state: oneOf(["enabled", "draining"]), deadlineMs });
const frontendChange = strict({ state: oneOf(["draining"]), deadlineMs });
const nothing = strict({});
const drainQuery = strict({ deadline: v.optional(duration) });
const connectionQuery = strict({
  pool: v.optional(v.string()),
  backend: v.optional(v.string()),
  frontend: v.optional(v.string()),
  minAge: v.optional(duration),
  minIdle: v.optional(duration),
  limit: v.optional(listLimit(MAX_LIMIT)),
});
const sessionQuery = strict({ user: v.optional(v.string()), limit: v.optional(listLimit(MAX_SESSIONS)) });
const sessionsEndQuery = strict({ user: v.string(), revoke: v.optional(oneOf(["true", "false"])) });
const announcement = strict({
  text: v.pipe(
    v.string(announcementWords()),
    v.minLength(1, announcementWords()),
    v.maxLength(MAX_ANNOUNCEMENT, announcementWords()),
    v.check((text) => text.isWellFormed(), announcementWords()),
  ),
});

/** @throws {Refusal} 422 with every problem. */
export function toNewBackend(body: unknown): NewBackend {
  return defined(check(newBackend, body, 422));
}

/** @throws {Refusal} 422 with every problem; 400 when nothing is to change. */
export function toBackendPatch(body: unknown, query: URLSearchParams): BackendPatch {
  const { deadlineMs = toDrainOptions(query).deadlineMs, ...change } = check(backendChange, body, 422);
  if (Object.values(change).every((value) => value === undefined)) {
    throw new Refusal("nothing to change; there are weight, state and maxConnections", { status: 400 });
  }
  return defined({ ...change, deadlineMs });
}

/** @throws {Refusal} 422 with every problem. */
export function toTakingPatch(body: unknown, query: URLSearchParams): PoolPatch & ServerPatch {
  const { state, deadlineMs = toDrainOptions(query).deadlineMs } = check(takingChange, body, 422);
  return defined({ state, deadlineMs });
}

/** @throws {Refusal} 422 with every problem. */
export function toFrontendPatch(body: unknown, query: URLSearchParams): FrontendPatch {
  const { state, deadlineMs = toDrainOptions(query).deadlineMs } = check(frontendChange, body, 422);
  return defined({ state, deadlineMs });
}

/** @throws {Refusal} 400 with every problem. */
export function toDrainOptions(query: URLSearchParams): DrainOptions {
  const { deadline } = check(drainQuery, Object.fromEntries(query), 400);
  return defined({ deadlineMs: deadline });
}

/** @throws {Refusal} 400 with every problem. */
export function toConnectionQuery(query: URLSearchParams): ConnectionQuery {
  const asked = check(connectionQuery, Object.fromEntries(query), 400);
  const { minAge: minAgeMs, minIdle: minIdleMs, limit = DEFAULT_LIMIT, ...names } = asked;
  return { filter: defined({ ...names, minAgeMs, minIdleMs }), limit };
}

/** @throws {Refusal} 400 with every problem. */
export function toSessionQuery(query: URLSearchParams): SessionQuery {
  const { limit = DEFAULT_LIMIT, ...filter } = check(sessionQuery, Object.fromEntries(query), 400);
  return { filter: defined(filter), limit };
}

/** @throws {Refusal} 400 with every problem. */
export function toSessionsEnd(query: URLSearchParams): SessionsEndQuery {
  const { user, revoke } = check(sessionsEndQuery, Object.fromEntries(query), 400);
  return { user, revoke: revoke === "true" };
}

/** What is to be announced. @throws {Refusal} 422 with every problem. */
export function toAnnouncement(body: unknown): string {
  return check(announcement, body, 422).text;
}

/** Of a body where nothing is to be said: it may be absent or `{}`. @throws {Refusal} 422. */
export function expectNothing(body: unknown): void {
  if (body !== undefined) check(nothing, body, 422);
}

function strict<const E extends v.ObjectEntries>(entries: E) {
  const keys = Object.keys(entries);
  return v.strictObject(entries, (issue) => {
    if (issue.expected === "never") return keys.length === 0 ? "no keys" : `only ${keys.join(", ")}`;
    return issue.expected === "Object" ? "an object" : "a value: it is required";
  });
}

function numberFrom(minimum: number, maximum: number) {
  const words = `a number from ${minimum} to ${maximum}`;
  return v.pipe(v.number(words), v.minValue(minimum, words), v.maxValue(maximum, words));
}

function wholeFrom(minimum: number, maximum: number) {
  const words = `a whole number from ${minimum} to ${maximum}`;
  return v.pipe(v.number(words), v.integer(words), v.minValue(minimum, words), v.maxValue(maximum, words));
}

function oneOf<const T extends string>(words: readonly T[]) {
  return v.picklist(words, words.map((word) => JSON.stringify(word)).join(" or "));
}

function listLimit(most: number) {
  const words = `a whole number from 1 to ${most}`;
  return v.pipe(v.string(), v.regex(/^\d{1,9}$/, words), v.transform(Number), wholeFrom(1, most));
}

function announcementWords(): string {
  return `a text of 1 to ${MAX_ANNOUNCEMENT} characters`;
}

function isDialable(parsed: unknown): boolean {
  return typeof parsed === "object" && parsed !== null && !("port" in parsed && parsed.port === 0);
}

/** Without the keys that are undefined, which an exact optional property may not be. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, found]) => found !== undefined);
  // No key has lost a value that it must have: only undefined ones are gone.
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function check<S extends v.GenericSchema>(schema: S, input: unknown, status: 400 | 422): v.InferOutput<S> {
  const checked = v.safeParse(schema, input);
  if (checked.success) return checked.output;
  const problems = checked.issues.slice(0, MAX_PROBLEMS).map(toProblem);
  const sentences = problems.map(
    ({ where, found, allowed }) => `${where} is ${found}, allowed is ${allowed}`,
  );
  throw new Refusal(sentences.join("; "), { status, problems });
}

function toProblem(issue: v.BaseIssue<unknown>): InputProblem {
  const where = issue.path?.map(({ key }) => String(key)).join(".") ?? "";
  const input = issue.path?.at(-1)?.value ?? issue.input;
  return {
    where: where === "" ? "the body" : inShort(where),
    found: wordsFor(input),
    allowed: issue.message,
  };
}

function wordsFor(input: unknown): string {
  if (input === undefined) return "absent";
  const words = inShort(JSON.stringify(input));
  return typeof input === "string" && input.length > MAX_SHOWN
    ? `${words} of ${input.length} characters`
    : words;
}

function inShort(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
