import * as v from "valibot";
import { parseDuration } from "../../async/mod.ts";
import { type Address, AddressList, formatAddress, parseAddress, type TcpAddress } from "../../net/mod.ts";
import type { Networks } from "./contract.ts";
import { show } from "./problem.ts";

/** What a text turned out to be, or in a sentence why it is none. */
export type Reading<T> = { readonly value: T } | string;

/**
 * The schema of a text that means something else.
 *
 * @param what Names it for those who write something that is no text, such as `an address; write HOST:PORT`.
 * @param pattern For editors, which cannot call `read`.
 */
export function parsed<T>(
  description: string,
  what: string,
  read: (text: string) => Reading<T>,
  pattern?: string,
): v.GenericSchema<string, T> {
  return v.pipe(
    v.string((issue) => `${show(issue.input)} is not ${what}`),
    v.description(description),
    v.metadata(pattern === undefined ? {} : { pattern }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const reading = read(dataset.value);
      if (typeof reading !== "string") return reading.value;
      addIssue({ message: reading });
      return NEVER;
    }),
  );
}

/** Bounds of a number or a time, both included. */
export interface Bounds {
  readonly minimum: number;
  readonly maximum: number;
}

const MOST_MS = 2_147_483_647;

/** A time, in milliseconds. */
export function duration(
  description: string,
  { minimum, maximum }: Bounds = { minimum: 1, maximum: MOST_MS },
): v.GenericSchema<string, number> {
  const read = (text: string): Reading<number> => {
    const ms = parseDuration(text);
    if (typeof ms === "string") return ms;
    if (ms >= minimum && ms <= maximum) return { value: ms };
    return `"${text}" is too ${ms < minimum ? "short" : "long"}; at ${ms < minimum ? `least ${minimum}` : `most ${maximum}`} ms`;
  };
  return parsed(description, "a time; write 500ms, 5s, 10m or 1h", read, "^\\d+(\\.\\d+)?(ms|s|m|h)$");
}

/** A whole number. */
export function whole(description: string, { minimum, maximum }: Bounds): v.GenericSchema<number, number> {
  const message = (issue: v.BaseIssue<unknown>): string =>
    `${show(issue.input)} is not a whole number from ${minimum} to ${maximum}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(minimum, message),
    v.maxValue(maximum, message),
    v.description(description),
  );
}

/** A number that may be fractional. */
export function amount(description: string, { minimum, maximum }: Bounds): v.GenericSchema<number, number> {
  const message = (issue: v.BaseIssue<unknown>): string =>
    `${show(issue.input)} is not a number from ${minimum} to ${maximum}`;
  return v.pipe(
    v.number(message),
    v.minValue(minimum, message),
    v.maxValue(maximum, message),
    v.description(description),
  );
}

/** True or false. */
export function flag(description: string): v.GenericSchema<boolean, boolean> {
  return v.pipe(
    v.boolean((issue) => `${show(issue.input)} is not true or false`),
    v.description(description),
  );
}

/** Any text that is not empty. */
export function text(description: string, maxLength = 4096): v.GenericSchema<string, string> {
  const what = `a text of 1 to ${maxLength} characters`;
  const read = (found: string): Reading<string> => {
    const isRight = found !== "" && found.length <= maxLength && found.isWellFormed();
    return isRight ? { value: found } : `${show(found)} is not ${what}`;
  };
  return parsed(description, what, read, `^[\\s\\S]{1,${maxLength}}$`);
}

/** A text of one line, such as goes into a header. */
export function line(description: string, maxLength = 1024): v.GenericSchema<string, string> {
  const what = `a text of 1 to ${maxLength} visible ASCII characters`;
  const read = (found: string): Reading<string> => {
    const isRight = /^[\x21-\x7e]+$/.test(found) && found.length <= maxLength;
    return isRight ? { value: found } : `${show(found)} is not ${what}`;
  };
  return parsed(description, what, read, `^[!-~]{1,${maxLength}}$`);
}

/** The name of something of ours. */
export function name(description: string): v.GenericSchema<string, string> {
  const what = "a name: 1 to 64 letters, digits, dots, - or _, and first a letter or a digit";
  const read = (found: string): Reading<string> =>
    NAME.test(found) ? { value: found } : `${show(found)} is not ${what}`;
  return parsed(description, what, read, NAME.source);
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Where a file is; relative to the folder of the configuration. */
export function filePath(description: string): v.GenericSchema<string, string> {
  const read = (found: string): Reading<string> =>
    found !== "" && !found.includes("\0") ? { value: found } : `${show(found)} is not the path of a file`;
  return parsed(description, "the path of a file", read, "^[^\\u0000]+$");
}

/** Where to listen or connect. */
export function address(description: string): v.GenericSchema<string, Address> {
  return parsed(description, "an address; write HOST:PORT, [IPV6]:PORT or unix:PATH", (found) => {
    const reading = parseAddress(found);
    return typeof reading === "string" ? reading : { value: reading };
  });
}

/** Where to listen or connect over TCP. */
export function tcpAddress(description: string): v.GenericSchema<string, TcpAddress> {
  return parsed(description, "an address; write HOST:PORT or [IPV6]:PORT", (found) => {
    const reading = parseAddress(found);
    if (typeof reading === "string") return reading;
    return "host" in reading
      ? { value: reading }
      : `"${found}" is a unix socket; write HOST:PORT or [IPV6]:PORT`;
  });
}

/** Who answers questions about names: an IP address, with a port or without. */
export function dnsServer(description: string): v.GenericSchema<string, TcpAddress> {
  const what = "the IP address of a name server; write 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53";
  return parsed(description, what, (found) => {
    // A list of networks takes what is an IP address, and nothing else without a slash.
    const isIp = (host: string): boolean =>
      !host.includes("/") && typeof AddressList.parse([host]) === "object";
    const reading = parseAddress(isIp(found) ? formatAddress({ host: found, port: 53 }) : found);
    if (typeof reading === "object" && "host" in reading && reading.port > 0 && isIp(reading.host))
      return { value: reading };
    return `${show(found)} is not ${what}`;
  });
}

/** A list of at most `maximum`, and at least one where it is given at all. */
export function list<I, T>(
  description: string,
  item: v.GenericSchema<I, T>,
  maximum: number,
  minimum = 1,
): v.GenericSchema<I[], T[]> {
  const message = (issue: v.BaseIssue<unknown>): string => {
    const found = Array.isArray(issue.input) ? `a list of ${issue.input.length}` : show(issue.input);
    return `${found} is not a list of ${minimum} to ${maximum}`;
  };
  return v.pipe(
    v.array(item, message),
    v.minLength(minimum, message),
    v.maxLength(maximum, message),
    v.description(description),
  );
}

/** A list of addresses and networks. */
export function networks(description: string): v.GenericSchema<string[], Networks> {
  const network = parsed(
    "An address or a network.",
    "a network; write 10.0.0.7, 10.0.0.0/8 or fd00::/8",
    (found) => {
      const reading = AddressList.parse([found]);
      return typeof reading === "string" ? reading : { value: found };
    },
  );
  return v.pipe(
    list(description, network, 10_000),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const reading = AddressList.parse(dataset.value);
      if (typeof reading !== "string") return { texts: dataset.value, list: reading };
      addIssue({ message: reading });
      return NEVER;
    }),
  );
}
