import { BYTES_PER_UNIT, MAX_TEXT_BYTES } from "../protocol.ts";
import type { Request } from "./request.ts";
import { jsonOf } from "./signal_data.ts";

/** A frame of so few UTF-16 units holds no data that is too long: written again, `1e20` is the worst, five times as long as it was. */
const SHORT_FRAME = 256;

/**
 * Reads what clients say most without the schemas, which take several times as long: `send`, `signal`, `ack`, `ping`.
 *
 * @param frame What is in `json`.
 * @returns The request, where it is plainly right. Undefined for everything else, right or wrong: the schemas have the last word, and
 * the words for what is wrong.
 */
export function frequentRequest(frame: Readonly<Record<string, unknown>>, json: string): Request | undefined {
  const { type, id, to, text, round, data, inbox, epoch, stamp } = frame;
  if (!isId(id)) return undefined;
  switch (type) {
    case "send":
      return id !== undefined && isText(to) && isMessage(text) && isOptionalCount(round)
        ? { type, id, to, text, round }
        : undefined;
    case "signal":
      return isText(to) && isData(data, json) ? { type, id, to, data } : undefined;
    case "ack":
      return isCount(inbox) && isEpoch(epoch) && isOptionalCount(stamp)
        ? { type, id, inbox, epoch, stamp }
        : undefined;
    case "ping":
      return { type, id };
    default:
      return undefined;
  }
}

function isId(id: unknown): id is string | undefined {
  return id === undefined || (isText(id) && id.length >= 1 && id.length <= 64);
}

function isEpoch(epoch: unknown): epoch is string | undefined {
  return epoch === undefined || isText(epoch);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

function isMessage(value: unknown): value is string {
  return isText(value) && value.length > 0 && value.length * BYTES_PER_UNIT <= MAX_TEXT_BYTES;
}

function isData(value: unknown, json: string): boolean {
  if (value === undefined || value === null) return false;
  // Only an escape can bring a lone surrogate into what was UTF-8.
  return (json.length <= SHORT_FRAME && !json.includes("\\u")) || jsonOf(value) !== undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isOptionalCount(value: unknown): value is number | undefined {
  return value === undefined || isCount(value);
}
